"""Small grammars of eight languages: what the synthesised voices say.

A sentence is a subject, a predicate, a time and a closing phrase, each drawn
alone, so that every language has thousands of them. Alternatives stand between
bars; ``{n}`` becomes a number, which the speech engine reads aloud.
"""

from dataclasses import dataclass

import numpy as np


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
