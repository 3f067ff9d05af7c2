"""Voices by rule: utterances of the espeak-ng engine with their active spans.

A voice is a language, one of the engine's variants (which shape the vocal
tract), a rate, a pitch and a pitch range. No variant serves two voices, so
that voices kept apart by name are apart in timbre as well.
"""

from dataclasses import dataclass

import numpy as np
from scipy.signal import butter, sosfilt

from explainable_seg.audio import (
    POWER_RATE,
    frame_powers,
    gated_level,
    resample,
)
from explainable_seg.composer.engine import Espeak, in_fresh_process
from explainable_seg.frames import SAMPLE_RATE, Span


@dataclass(frozen=True)
class Grammar:
    """Interchangeable phrases of one language.

    Arguments
    ---------
    remarks : tuple[str, ...]
        Whole sentences that stand alone, questions among them.
    subjects, predicates, times, closings : tuple[str, ...]
        Parts of a sentence, in the order in which they are said.
    """

    remarks: tuple[str, ...]
    subjects: tuple[str, ...]
    predicates: tuple[str, ...]
    times: tuple[str, ...]
    closings: tuple[str, ...]


def draw_text(language: str, n_words: int, rng: np.random.Generator) -> str:
    """Different sentences of a language, with about a number of words.

    Arguments
    ---------
    language : str
        A key of :data:`GRAMMARS`.
    n_words : int
        Sentences are added while the text has fewer words.
    rng : np.random.Generator
        Source of randomness.

    Returns
    -------
    str
        One sentence or more.

    Example
    -------
    >>> draw_text("en", 5, np.random.default_rng(0))
    'The school choir talked about the price of bread last night.'
    """
    grammar = GRAMMARS[language]
    text = ""
    while len(text.split()) < n_words:
        wanted = n_words - len(text.split())
        short = wanted < 5 or rng.random() < 0.15
        added = (
            _draw(grammar.remarks, rng) if short else _sentence(grammar, rng)
        )
        if added not in text:
            text = f"{text} {added}".strip()
    return text


def _sentence(grammar: Grammar, rng: np.random.Generator) -> str:
    """A sentence of a grammar; time and closing are left out at times."""
    text = _draw(grammar.subjects, rng) + " " + _draw(grammar.predicates, rng)
    if rng.random() < 0.7:
        text += " " + _draw(grammar.times, rng)
    if rng.random() < 0.6:
        text += ", " + _draw(grammar.closings, rng)
    return text + "."


def _draw(phrases: tuple[str, ...], rng: np.random.Generator) -> str:
    """One of the phrases, its number filled in."""
    phrase = phrases[int(rng.integers(len(phrases)))]
    return phrase.replace("{n}", str(rng.integers(2, 99)))


def _grammar(
    remarks: str, subjects: str, predicates: str, times: str, closings: str
) -> Grammar:
    """Grammar from alternatives between bars, on any number of lines."""
    parts = (remarks, subjects, predicates, times, closings)
    return Grammar(
        *(tuple(" ".join(p.split()) for p in x.split("|")) for x in parts)
    )


GRAMMARS: dict[str, Grammar] = {
    "en": _grammar(
        """Good evening, and welcome back. | Here is the news. | And now, the
        weather. | It will be {n} degrees in the sun. | What do you think about
        it? | Who will pay for all this? | Could you tell us more? | Let us
        listen to another voice. | The number is {n} {n} {n}.""",
        """The mayor of the town | A young doctor | The old fisherman | My
        neighbour | The school choir | Our reporter | The winner of the race |
        A farmer from the valley | The new director""",
        """opened a bridge across the river | sold {n} baskets of apples |
        talked about the price of bread | found a letter in the garden | asked
        for more time | painted the wall of the station | told a story about
        the sea | repaired the roof of the library | walked {n} kilometres in
        the rain""",
        """on Monday morning | last night | in the middle of winter | before
        breakfast | {n} days ago | at the end of the summer""",
        """after a long debate | without any help | to everyone's surprise |
        because the road was closed | and nobody knows why | in front of the
        cameras | thanks to a small group of friends""",
    ),
    "es": _grammar(
        """Buenas tardes a todos. | Estas son las noticias. | Y ahora, el
        tiempo. | Hoy tendremos {n} grados al sol. | ¿Qué piensa usted de todo
        esto? | ¿Quién va a pagar la obra? | ¿Nos puede contar algo más? |
        Escuchemos otra voz. | El número es {n} {n} {n}.""",
        """La alcaldesa del pueblo | Un médico joven | El viejo pescador | Mi
        vecina | El coro de la escuela | Nuestro enviado especial | La ganadora
        de la carrera | Un agricultor del valle | El nuevo director""",
        """abrió un puente sobre el río | vendió {n} cestas de manzanas | habló
        del precio del pan | encontró una carta en el jardín | pidió un poco
        más de tiempo | pintó la pared de la estación | contó una historia del
        mar | arregló el tejado de la biblioteca | caminó {n} kilómetros bajo
        la lluvia""",
        """el lunes por la mañana | ayer por la noche | en pleno invierno |
        antes del desayuno | hace {n} días | al final del verano""",
        """después de un largo debate | sin ninguna ayuda | para sorpresa de
        todos | porque la carretera estaba cortada | y nadie sabe por qué |
        delante de las cámaras | gracias a un grupo de amigos""",
    ),
    "ca": _grammar(
        """Bona tarda a tothom. | Aquestes són les notícies. | I ara, el temps.
        | Avui tindrem {n} graus al sol. | Què en pensa vostè? | Qui pagarà tot
        això? | Ens en pot explicar una mica més? | Escoltem una altra veu. |
        El número és {n} {n} {n}.""",
        """L'alcaldessa del poble | Un metge jove | El vell pescador | La meva
        veïna | El cor de l'escola | El nostre enviat | La guanyadora de la
        cursa | Un pagès de la vall | El nou director""",
        """va obrir un pont sobre el riu | va vendre {n} cistells de pomes | va
        parlar del preu del pa | va trobar una carta al jardí | va demanar una
        mica més de temps | va pintar la paret de l'estació | va explicar una
        història del mar | va arreglar la teulada de la biblioteca | va caminar
        {n} quilòmetres sota la pluja""",
        """dilluns al matí | ahir a la nit | en ple hivern | abans d'esmorzar |
        fa {n} dies | al final de l'estiu""",
        """després d'un llarg debat | sense cap ajuda | per a sorpresa de
        tothom | perquè la carretera estava tallada | i ningú no sap per què |
        davant de les càmeres | gràcies a un grup d'amics""",
    ),
    "fr": _grammar(
        """Bonsoir à tous. | Voici les nouvelles. | Et maintenant, la météo. |
        Il fera {n} degrés au soleil. | Que pensez-vous de tout cela ? | Qui va
        payer ces travaux ? | Pouvez-vous nous en dire plus ? | Écoutons une
        autre voix. | Le numéro est le {n} {n} {n}.""",
        """Le maire du village | Un jeune médecin | Le vieux pêcheur | Ma
        voisine | La chorale de l'école | Notre envoyé spécial | La championne
        de la course | Un fermier de la vallée | Le nouveau directeur""",
        """a ouvert un pont sur la rivière | a vendu {n} paniers de pommes | a
        parlé du prix du pain | a trouvé une lettre dans le jardin | a demandé
        un peu plus de temps | a repeint le mur de la gare | a raconté une
        histoire de marins | a réparé le toit de la bibliothèque | a marché {n}
        kilomètres sous la pluie""",
        """lundi matin | hier soir | au milieu de l'hiver | avant le petit
        déjeuner | il y a {n} jours | à la fin de l'été""",
        """après un long débat | sans aucune aide | à la surprise générale |
        parce que la route était coupée | et personne ne sait pourquoi | devant
        les caméras | grâce à un petit groupe d'amis""",
    ),
    "de": _grammar(
        """Guten Abend, meine Damen und Herren. | Hier sind die Nachrichten. |
        Und nun zum Wetter. | Es wird {n} Grad warm. | Was halten Sie davon? |
        Wer soll das alles bezahlen? | Können Sie uns mehr erzählen? | Hören
        wir eine andere Stimme. | Die Nummer ist {n} {n} {n}.""",
        """Die Bürgermeisterin | Ein junger Arzt | Der alte Fischer | Meine
        Nachbarin | Der Schulchor | Unsere Reporterin | Der Sieger des Rennens
        | Ein Bauer aus dem Tal | Die neue Direktorin""",
        """eröffnete eine Brücke über den Fluss | verkaufte {n} Körbe voll
        Äpfel | sprach über den Preis von Brot | fand einen Brief im Garten |
        bat um etwas mehr Zeit | bemalte die Mauer am Bahnhof | erzählte eine
        Geschichte vom Meer | reparierte das Dach der Bücherei | wanderte {n}
        Kilometer durch den Regen""",
        """am Montagmorgen | gestern Abend | mitten im Winter | noch vor dem
        Frühstück | vor {n} Tagen | am Ende des Sommers""",
        """nach langer Debatte | ganz ohne Hilfe | zur Überraschung aller | weil
        die Straße gesperrt war | und niemand weiß warum | vor laufender
        Kamera | dank einer kleinen Gruppe von Freunden""",
    ),
    "it": _grammar(
        """Buonasera a tutti. | Ecco le notizie. | E adesso, il tempo. | Ci
        saranno {n} gradi al sole. | Che cosa ne pensa lei? | Chi pagherà tutto
        questo? | Ci può dire qualcosa di più? | Ascoltiamo un'altra voce. | Il
        numero è {n} {n} {n}.""",
        """La sindaca del paese | Un giovane medico | Il vecchio pescatore | La
        mia vicina | Il coro della scuola | Il nostro inviato | La vincitrice
        della gara | Un contadino della valle | Il nuovo direttore""",
        """ha aperto un ponte sul fiume | ha venduto {n} cesti di mele | ha
        parlato del prezzo del pane | ha trovato una lettera in giardino | ha
        chiesto un po' di tempo | ha dipinto il muro della stazione | ha
        raccontato una storia di mare | ha riparato il tetto della biblioteca |
        ha camminato {n} chilometri sotto la pioggia""",
        """lunedì mattina | ieri sera | in pieno inverno | prima di colazione |
        {n} giorni fa | alla fine dell'estate""",
        """dopo un lungo dibattito | senza nessun aiuto | con sorpresa di tutti
        | perché la strada era chiusa | e nessuno sa perché | davanti alle
        telecamere | grazie a un gruppo di amici""",
    ),
    "pt": _grammar(
        """Boa tarde a todos. | Estas são as notícias. | E agora, o tempo. |
        Vamos ter {n} graus ao sol. | O que pensa de tudo isto? | Quem vai
        pagar a obra? | Pode contar um pouco mais? | Vamos ouvir outra voz. | O
        número é {n} {n} {n}.""",
        """A presidente da câmara | Um jovem médico | O velho pescador | A minha
        vizinha | O coro da escola | O nosso enviado | A vencedora da corrida |
        Um agricultor do vale | O novo diretor""",
        """abriu uma ponte sobre o rio | vendeu {n} cestos de maçãs | falou do
        preço do pão | encontrou uma carta no jardim | pediu um pouco mais de
        tempo | pintou a parede da estação | contou uma história do mar |
        arranjou o telhado da biblioteca | caminhou {n} quilómetros à chuva""",
        """na segunda de manhã | ontem à noite | em pleno inverno | antes do
        pequeno almoço | há {n} dias | no fim do verão""",
        """depois de um longo debate | sem nenhuma ajuda | para surpresa de
        todos | porque a estrada estava cortada | e ninguém sabe porquê |
        diante das câmaras | graças a um grupo de amigos""",
    ),
    "nl": _grammar(
        """Goedenavond allemaal. | Hier is het nieuws. | En nu het weer. | Het
        wordt {n} graden in de zon. | Wat vindt u daarvan? | Wie gaat dat
        allemaal betalen? | Kunt u daar iets meer over vertellen? | Laten we
        naar een andere stem luisteren. | Het nummer is {n} {n} {n}.""",
        """De burgemeester | Een jonge dokter | De oude visser | Mijn buurvrouw
        | Het schoolkoor | Onze verslaggever | De winnaar van de wedstrijd |
        Een boer uit het dal | De nieuwe directeur""",
        """opende een brug over de rivier | verkocht {n} manden appels | sprak
        over de prijs van het brood | vond een brief in de tuin | vroeg om wat
        meer tijd | schilderde de muur van het station | vertelde een verhaal
        over de zee | repareerde het dak van de bibliotheek | liep {n}
        kilometer door de regen""",
        """op maandagochtend | gisteravond | midden in de winter | voor het
        ontbijt | {n} dagen geleden | aan het eind van de zomer""",
        """na een lang debat | zonder enige hulp | tot ieders verbazing | omdat
        de weg was afgesloten | en niemand weet waarom | voor het oog van de
        camera | dankzij een groepje vrienden""",
    ),
}


SHORTEST, LONGEST = 2.0, 12.0  # seconds of an utterance
LEVEL_DB = -23.0  # dB re full scale of the speech, pauses left out
PEAK = 0.9  # highest sample of a clip
SILENCE_DB = -40.0  # below the level of the speech: a pause
SHORTEST_PAUSE = 0.3  # seconds; shorter pauses are speech
# The engine lets a little DC and rumble through, which no microphone would.
_RUMBLE_FILTER = butter(2, 60, "highpass", fs=SAMPLE_RATE, output="sos")


@dataclass(frozen=True)
class Voice:
    """A speaker.

    Arguments
    ---------
    language : str
        The engine's name of the language or accent, for instance ``es-419``.
    variant : str
        The engine's name of the variant, for instance ``f2``.
    rate : int
        Words a minute.
    pitch, pitch_range : int
        Height and liveliness, 0 to 99.
    """

    language: str
    variant: str
    rate: int
    pitch: int
    pitch_range: int

    @property
    def name(self) -> str:
        """Language and variant, as the engine wants them."""
        return f"{self.language}+{self.variant}"


@dataclass(frozen=True)
class Utterance:
    """What a voice said.

    Arguments
    ---------
    audio : np.ndarray [shape=(N,), dtype=float32]
        Mono audio at 16 kHz.
    spans : tuple[tuple[float, float], ...]
        Where the voice is active, seconds.
    """

    audio: np.ndarray
    spans: tuple[Span, ...]


FEMALE_VOICES: tuple[Voice, ...] = (
    Voice("en-us", "f1", 165, 50, 55),
    Voice("es", "f2", 170, 52, 45),
    Voice("fr", "f3", 160, 48, 50),
    Voice("de", "f4", 150, 55, 60),
    Voice("ca", "f5", 160, 50, 40),
    Voice("pt-br", "Alicia", 155, 40, 60),
    Voice("es-419", "Andrea", 160, 45, 50),
    Voice("en", "Annie", 150, 42, 55),
    Voice("nl", "aunty", 165, 55, 50),
    Voice("it", "belinda", 170, 45, 65),
    Voice("en-gb-x-rp", "linda", 160, 40, 45),
    Voice("de", "shelby", 170, 50, 50),
    Voice("fr-be", "steph", 155, 46, 60),
    Voice("pt", "grandma", 145, 45, 40),
)

MALE_VOICES: tuple[Voice, ...] = (
    Voice("en-us", "m1", 160, 50, 50),
    Voice("fr", "m2", 165, 45, 55),
    Voice("es", "m3", 175, 55, 50),
    Voice("de", "m4", 150, 45, 45),
    Voice("it", "m5", 170, 50, 60),
    Voice("pt", "m7", 155, 40, 55),
    Voice("nl", "m8", 160, 60, 60),
    Voice("ca", "Alex", 165, 50, 50),
    Voice("en", "Andy", 150, 55, 40),
    Voice("es-419", "Lee", 165, 45, 65),
    Voice("en-gb-scotland", "Michael", 160, 40, 60),
    Voice("de", "adam", 160, 60, 55),
    Voice("pt-br", "benjamin", 170, 55, 50),
    Voice("nl", "boris", 150, 42, 45),
    Voice("fr-ch", "sandro", 155, 52, 50),
    Voice("it", "victor", 160, 45, 50),
    Voice("ca", "robert", 155, 62, 65),
    Voice("en-us", "pablo", 165, 40, 45),
)


def speak(
    voice: Voice, seconds: float, rng: np.random.Generator
) -> list[Utterance]:
    """Utterances of one voice, each with another text.

    They are spoken in a process of their own, so that equal arguments give
    equal samples whatever was spoken before.

    Arguments
    ---------
    voice : Voice
        Who speaks.
    seconds : float
        Utterances are added while there are fewer seconds than this.
    rng : np.random.Generator
        Source of the texts and of small changes of rate and pitch.

    Returns
    -------
    list[Utterance]
        Each about 2 to 12 s, at least one.

    Raises
    ------
    ExplainableSegError
        If the engine is missing or fails.
    """
    return in_fresh_process(_speak_here, voice, seconds, rng)


def active_spans(
    audio: np.ndarray,
    silence_db: float = SILENCE_DB,
    shortest_pause: float = SHORTEST_PAUSE,
) -> tuple[Span, ...]:
    """Where a clean recording of one voice is active, from its energy.

    A frame of 10 ms is active when its power is above a threshold relative to
    the mean power of the frames that are not 10 dB below the overall mean.

    Arguments
    ---------
    audio : np.ndarray [shape=(N,)]
        Mono audio at 16 kHz without background.
    silence_db : float
        Threshold, dB re the level of the speech.
    shortest_pause : float
        Pauses below this many seconds belong to the speech.

    Returns
    -------
    tuple[tuple[float, float], ...]
        Sorted, disjoint spans in seconds; empty for silence.

    Example
    -------
    >>> tone = np.sin(np.arange(8000))
    >>> active_spans(np.concatenate([tone, np.zeros(8000), tone]))
    ((0.0, 0.5), (1.0, 1.5))
    """
    powers = frame_powers(audio)
    active = powers > 10 ** ((gated_level(powers) + silence_db) / 10)
    edges = np.flatnonzero(np.diff(active, prepend=False, append=False))
    spans: list[Span] = []
    for first, last in (edges.reshape(-1, 2) / POWER_RATE).tolist():
        if spans and first - spans[-1][1] < shortest_pause:
            first = spans.pop()[0]
        spans.append((first, last))
    return tuple(spans)


def _speak_here(
    voice: Voice, seconds: float, rng: np.random.Generator
) -> list[Utterance]:
    """Utterances of one voice from the engine of this process."""
    engine = Espeak()
    utterances: list[Utterance] = []
    spoken = 0.0
    while spoken < seconds or not utterances:
        utterance = _utter(engine, voice, rng)
        if utterance is not None:
            utterances.append(utterance)
            spoken += len(utterance.audio) / SAMPLE_RATE
    return utterances


def _utter(
    engine: Espeak, voice: Voice, rng: np.random.Generator
) -> Utterance | None:
    """One utterance; None when the text came out too short or too long."""
    rate = round(voice.rate * rng.uniform(0.92, 1.08))
    n_words = round(rng.uniform(2.5, 9.0) * rate / 60)
    audio = engine.say(
        draw_text(voice.language[:2], n_words, rng),
        voice.name,
        rate=rate,
        pitch=round(np.clip(voice.pitch + rng.normal(0, 4), 0, 99)),
        pitch_range=round(np.clip(voice.pitch_range + rng.normal(0, 8), 0, 99)),
        seed=int(rng.integers(1, 2**31)),
    )
    audio = resample(audio, engine.sample_rate)
    audio = _levelled(sosfilt(_RUMBLE_FILTER, audio))
    spans = active_spans(audio)
    first, last = round(spans[0][0] * SAMPLE_RATE), spans[-1][1] * SAMPLE_RATE
    audio = audio[first : round(last)]
    if not SHORTEST <= len(audio) / SAMPLE_RATE <= LONGEST:
        return None
    return Utterance(audio, active_spans(audio))


def _levelled(audio: np.ndarray) -> np.ndarray:
    """Audio at the level of all voices, lower where a peak forbids it."""
    gain = 10 ** ((LEVEL_DB - gated_level(frame_powers(audio))) / 20)
    gain = min(gain, PEAK / np.abs(audio).max())
    return (gain * audio).astype(np.float32)
