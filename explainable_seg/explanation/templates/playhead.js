// One sound at a time; a line follows it over the pictures of its section.
for (const section of document.querySelectorAll("section")) {
  const players = [...section.querySelectorAll("audio")];
  const stages = [...section.querySelectorAll(".stage")];
  let current = players[0];
  const follow = () => {
    for (const stage of stages) {
      const { seconds, left, right } = stage.dataset;
      const share = Math.min(1, current.currentTime / seconds);
      const head = stage.querySelector(".playhead");
      head.style.left = 100 * (+left + share * (right - left)) + "%";
      head.style.opacity = 0.8;
    }
    if (!current.paused) requestAnimationFrame(follow);
  };
  for (const player of players) {
    player.addEventListener("play", () => {
      for (const other of document.querySelectorAll("audio")) {
        if (other !== player) other.pause();
      }
      current = player;
      follow();
    });
    player.addEventListener("timeupdate", () => { current = player; follow(); });
  }
  for (const stage of current ? stages : []) {
    stage.addEventListener("click", (event) => {
      const { seconds, left, right } = stage.dataset;
      const box = stage.getBoundingClientRect();
      const share = ((event.clientX - box.left) / box.width - left) / (right - left);
      if (share >= 0 && share <= 1) current.currentTime = share * seconds;
    });
  }
}
