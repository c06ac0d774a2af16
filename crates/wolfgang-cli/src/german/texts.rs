//! The texts of the help.

/// Groups of options.
pub(super) const HEADINGS: &[(&str, &str)] = &[
    ("Model", "Modell"),
    ("Sampling", "Auswahl der Token"),
    ("Length", "Länge"),
    ("Global options", "Allgemeine Optionen"),
];

/// What a command does, in one line.
pub(super) const ABOUT: &[(&str, &str)] = &[
    (
        "wolfgang",
        "Kleine deutsche Sprachmodelle auf diesem Rechner ausführen",
    ),
    ("generate", "Einen Text fortsetzen"),
    ("chat", "Mit einem Modell chatten"),
    (
        "explain",
        "Einen Text fortsetzen und zeigen, wie jedes Token gewählt wurde",
    ),
    (
        "score",
        "Die logarithmierte Wahrscheinlichkeit jedes Tokens eines Textes ausgeben",
    ),
    ("tokenize", "Einen Text in Token zerlegen"),
    (
        "convert",
        "Einen Checkpoint in einen eigenen oder einen Hugging-Face-Ordner umwandeln",
    ),
    (
        "inspect",
        "Den Inhalt eines Checkpoints zeigen, ohne seine Gewichte zu lesen",
    ),
    (
        "devices",
        "Die verfügbaren Geräte auflisten und warum andere nicht verfügbar sind",
    ),
    (
        "bench",
        "Die Geschwindigkeit eines Modells und die Grenzen dieses Rechners messen",
    ),
    (
        "completions",
        "Das Vervollständigungsskript einer Shell ausgeben",
    ),
    ("man", "Die Handbuchseiten in einen Ordner schreiben"),
    ("help", "Diese Hilfe oder die eines Befehls"),
];

/// What else there is to say of a command.
pub(super) const ABOUT_LONG: &[(&str, &str)] = &[
    (
        "generate",
        "Einen Text fortsetzen\n\nDer erzeugte Text wird auf die Standardausgabe gestreamt; Meldungen kommen auf die Fehlerausgabe.",
    ),
    (
        "explain",
        "Setzt einen Text fort und zeigt, als Seite oder im Terminal, die Alternativen jedes Tokens, was jeder Schritt der Auswahl ausschloss und wie gezogen wurde. Der Text ist derselbe wie bei `generate`.",
    ),
    (
        "chat",
        "Ein Gespräch mit einem Modell: auf einem Terminal mit bearbeitbarer Eingabezeile und Befehlen (siehe /help); sonst ist jede Zeile der Standardeingabe eine Nachricht, und die Antworten kommen auf die Standardausgabe. Vorgabe ist das Preset goethe.",
    ),
    (
        "score",
        "Gibt die logarithmierte Wahrscheinlichkeit jedes Tokens nach den Token davor aus und die Perplexität des Textes.",
    ),
    (
        "tokenize",
        "Gibt die Token-Nummern eines Textes aus, jede mit ihrem Stück Text. Nur der Tokenizer wird geladen.",
    ),
    (
        "convert",
        "Wandelt einen Checkpoint in ein anderes Format um. Die Umwandlung ist atomar: am Ziel liegt entweder der alte Inhalt oder das vollständige neue Modell.",
    ),
    (
        "inspect",
        "Zeigt den Inhalt eines Checkpoints. Die Gewichte werden nicht gelesen, daher spielt die Größe der Datei keine Rolle.",
    ),
    (
        "devices",
        "Listet die verfügbaren Geräte auf. Jedes wird mit einer kleinen Rechnung geprüft.",
    ),
    (
        "bench",
        "Misst die Geschwindigkeit eines Modells. Jede Einstellung läuft in eigenen Prozessen; zugleich werden Speicherbandbreite und höchste Rechenleistung dieses Rechners gemessen. Schließen Sie andere Programme; sie verfälschen das Ergebnis.",
    ),
    (
        "completions",
        "Gibt das Vervollständigungsskript einer Shell aus, zum Beispiel: wolfgang completions bash > ~/.local/share/bash-completion/completions/wolfgang",
    ),
    (
        "man",
        "Schreibt die Handbuchseiten in einen Ordner, zum Beispiel: wolfgang man ~/.local/share/man/man1",
    ),
];

/// What stands behind the options.
pub(super) const AFTER: &[(&str, &str)] = &[(
    "wolfgang",
    "Optionen können auch in der Konfigurationsdatei stehen, wolfgang/config.toml im Konfigurationsverzeichnis; siehe docs/command.md.",
)];

/// What an argument means: of one command, or of all that have it.
pub(super) const TEXTS: &[(&str, &str, &str)] = &[
    ("", "help", "Diese Hilfe"),
    ("", "version", "Die Version"),
    (
        "",
        "lang",
        "Die Sprache der Meldungen: de oder en. Ohne Angabe auf einem Terminal die der Umgebung, sonst Englisch",
    ),
    (
        "",
        "color",
        "Wann es Farben gibt: auto (auf einem Terminal, wenn NO_COLOR nicht gesetzt ist), always, never",
    ),
    ("", "quiet", "Auf der Fehlerausgabe nur Fehler melden"),
    ("", "verbose", "Auf der Fehlerausgabe mehr melden"),
    (
        "",
        "config",
        "Die Konfigurationsdatei. Ohne Angabe wolfgang/config.toml im Konfigurationsverzeichnis, falls vorhanden",
    ),
    (
        "",
        "model",
        "Das Modell: eine .pt, ein eigener oder ein Hugging-Face-Ordner oder hf:OWNER/NAME[/FILE.pt][@REVISION], das vom Hugging Face Hub geladen wird. Ohne Angabe das Faust-Modell im Programm",
    ),
    (
        "",
        "tokenizer",
        "Die tokenizer.json des Modells. Ohne Angabe die im Ordner des Modells",
    ),
    (
        "",
        "device",
        "Wo gerechnet wird: auto, die Vorgabe, ist das Schnellste, was da ist; `wolfgang devices` listet auf",
    ),
    (
        "",
        "dtype",
        "In welchem Zahlentyp gerechnet wird, wenn das Gerät ihn kann: f32 (die Vorgabe), f16, bf16, int8",
    ),
    (
        "",
        "cache_dtype",
        "Der Zahlentyp des Caches auf dem Prozessor, f32 oder f16. Ohne Angabe f32 für Gewichte in f32, sonst f16",
    ),
    (
        "",
        "threads",
        "Threads, die rechnen, auf dem Prozessor. Ohne Angabe einer je Kern",
    ),
    (
        "",
        "preset",
        "Ein Satz von Werten, den einzelne Angaben ändern: goethe (für Gespräche, wie die Karte des Modells sie empfiehlt), greedy (immer das wahrscheinlichste Token), creative (gewagter)",
    ),
    (
        "",
        "temperature",
        "Unter 1 sicherer, über 1 gewagter; 0 nimmt immer das wahrscheinlichste Token. Vorgabe 0.6",
    ),
    (
        "",
        "top_k",
        "Unter den N wahrscheinlichsten Token wählen; 0 oder -1 schaltet es ab. Vorgabe 40",
    ),
    (
        "",
        "top_p",
        "Unter den wahrscheinlichsten Token wählen, die zusammen diese Wahrscheinlichkeit überschreiten; 1 schaltet es ab. Vorgabe 0.9",
    ),
    (
        "",
        "min_p",
        "Unter den Token wählen, die mindestens diesen Teil so wahrscheinlich sind wie das wahrscheinlichste; 0, die Vorgabe, schaltet es ab",
    ),
    (
        "",
        "typical_p",
        "Unter den Token wählen, deren Überraschung der Entropie am nächsten liegt und die zusammen diese Wahrscheinlichkeit erreichen; 1, die Vorgabe, schaltet es ab",
    ),
    (
        "",
        "top_n_sigma",
        "Unter den Token wählen, deren Logit höchstens so viele Standardabweichungen unter dem größten liegt; -1, die Vorgabe, schaltet es ab",
    ),
    (
        "",
        "repetition_penalty",
        "Über 1 macht es jüngst vorgekommene Token unwahrscheinlicher; 1 schaltet es ab. Vorgabe 1.2",
    ),
    (
        "",
        "repetition_window",
        "Wie viele der letzten Token als jüngst vorgekommen gelten; -1 sind alle. Vorgabe 24",
    ),
    (
        "",
        "penalize",
        "Ob die Token des Anfangs mitzählen: context (die Vorgabe) oder generated",
    ),
    (
        "",
        "frequency_penalty",
        "Macht ein erzeugtes Token mit jedem Mal unwahrscheinlicher; 0, die Vorgabe, schaltet es ab",
    ),
    (
        "",
        "presence_penalty",
        "Macht jedes erzeugte Token unwahrscheinlicher; 0, die Vorgabe, schaltet es ab",
    ),
    (
        "",
        "no_repeat_ngram",
        "Keine Folge von so vielen Token wiederholen; 0, die Vorgabe, schaltet es ab",
    ),
    (
        "",
        "dry_multiplier",
        "DRY: die Strafe dafür, eine Wiederholung fortzusetzen; sie wächst mit deren Länge; 0, die Vorgabe, schaltet es ab",
    ),
    (
        "",
        "dry_base",
        "DRY: womit die Strafe je weiterem Token wächst. Vorgabe 1.75",
    ),
    (
        "",
        "dry_allowed_length",
        "DRY: die Länge der kürzesten Wiederholung, die bestraft wird. Vorgabe 2",
    ),
    (
        "",
        "dry_window",
        "DRY: in wie vielen der letzten Token nach Wiederholungen gesucht wird; -1 sind alle. Vorgabe 4096",
    ),
    (
        "",
        "dry_breaker",
        "DRY: ein Token, über das keine Wiederholung hinausreicht. Mehrmals möglich",
    ),
    (
        "",
        "xtc_probability",
        "XTC: wie oft die wahrscheinlichsten der guten Token ausgeschlossen werden, 0 bis 1; 0, die Vorgabe, schaltet es ab",
    ),
    (
        "",
        "xtc_threshold",
        "XTC: ab welcher Wahrscheinlichkeit ein Token gut ist. Vorgabe 0.1",
    ),
    (
        "",
        "mirostat_tau",
        "Mirostat 2: die angestrebte Überraschung in Bit je Token. Vorgabe aus",
    ),
    ("", "mirostat_eta", "Mirostat 2: Lernrate. Vorgabe 0.1"),
    (
        "",
        "dynatemp_range",
        "Wie weit die Temperatur der Unsicherheit des Modells folgt; 0, die Vorgabe, schaltet es ab",
    ),
    (
        "",
        "dynatemp_exponent",
        "Wie sie folgt: über 1 bleibt sie länger niedrig. Vorgabe 1",
    ),
    (
        "",
        "logit_bias",
        "Auf das Logit eines Tokens etwas aufschlagen. Mehrmals möglich",
    ),
    (
        "",
        "allow_token",
        "Nur unter diesen Token wählen. Mehrmals möglich",
    ),
    ("", "ban_token", "Dieses Token nie wählen. Mehrmals möglich"),
    (
        "",
        "seed",
        "Derselbe Seed ergibt denselben Text; ohne Angabe oder mit -1 wird einer gezogen",
    ),
    (
        "",
        "rng",
        "Der Zufallszahlengenerator: chacha (die Vorgabe) oder torch, mit dem die Seeds des Originals in Python denselben Text ergeben",
    ),
    (
        "",
        "max_new_tokens",
        "Wie viele Token höchstens erzeugt werden; -1 ist keine Grenze, dann endet der Text, wenn der Kontext des Modells voll ist. Vorgabe 100, im Gespräch 200",
    ),
    (
        "",
        "min_new_tokens",
        "Wie viele Token mindestens erzeugt werden, bevor das Modell den Text beenden darf",
    ),
    ("", "max_time", "Nach so vielen Sekunden aufhören"),
    ("", "stop", "Vor diesem Text enden. Mehrmals möglich"),
    ("", "keep_stop", "Den Stopp-Text mit ausgeben"),
    (
        "",
        "stop_token",
        "Bei diesem Token enden, genannt mit Nummer oder Text. Mehrmals möglich",
    ),
    (
        "",
        "ignore_eos",
        "Hinter <|endoftext|> und den anderen Token weitermachen, mit denen ein Text dieses Modells endet",
    ),
    (
        "",
        "overflow",
        "Was geschieht, wenn der Kontext des Modells voll ist: slide (die Vorgabe; mit den letzten Token weiter, langsam) oder stop (die Vorgabe im Gespräch)",
    ),
    ("", "json", "JSON schreiben, ein Objekt je Zeile"),
    (
        "chat",
        "system",
        "Der System-Prompt; ein leerer Text ist keiner. Vorgabe \"Du bist Johann Wolfgang von Goethe.\"",
    ),
    (
        "chat",
        "load",
        "Ein Gespräch fortsetzen, das /save gesichert hat, oder eine Liste von Nachrichten im Format der OpenAI-API",
    ),
    (
        "chat",
        "no_history",
        "Die bisherigen Eingaben weder lesen noch speichern",
    ),
    (
        "generate",
        "prompt",
        "Der Text, der fortgesetzt wird. Ohne ihn oder mit `-` wird er von der Standardeingabe gelesen (ein Zeilenumbruch am Ende zählt nicht); auf einem Terminal beginnt ohne ihn ein neuer. Ein Text, der mit einem Strich beginnt, steht am Ende hinter `--`",
    ),
    (
        "explain",
        "prompt",
        "Der Text, der fortgesetzt wird. Ohne ihn oder mit `-` wird er von der Standardeingabe gelesen (ein Zeilenumbruch am Ende zählt nicht); auf einem Terminal beginnt ohne ihn ein neuer. Ein Text, der mit einem Strich beginnt, steht am Ende hinter `--`",
    ),
    (
        "explain",
        "html",
        "Eine Seite für einen Browser schreiben: eine Datei, die kein Netz braucht",
    ),
    ("explain", "force", "Die Datei ersetzen, wenn sie da ist"),
    ("explain", "json", "JSON schreiben, ein Objekt"),
    (
        "explain",
        "alternatives",
        "Zahl der Alternativen, die je Token gezeigt werden",
    ),
    (
        "generate",
        "prompt_ids",
        "Der Anfang als Nummern von Token, zwischen Kommas oder Leerzeichen oder als JSON-Liste",
    ),
    (
        "generate",
        "samples",
        "Wie viele Texte erzeugt werden, mit Seeds, die hochzählen; sie teilen sich jeden Durchgang des Modells",
    ),
    (
        "generate",
        "include_prompt",
        "Den Anfang vor seiner Fortsetzung ausgeben",
    ),
    (
        "generate",
        "no_stream",
        "Den Text ausgeben, wenn er fertig ist, nicht so, wie er entsteht",
    ),
    (
        "generate",
        "logprobs",
        "Mit --json: die logarithmierte Wahrscheinlichkeit jedes Tokens und der N wahrscheinlichsten Alternativen ausgeben",
    ),
    (
        "score",
        "text",
        "Der Text. Ohne ihn oder mit `-` wird er von der Standardeingabe gelesen (ein Zeilenumbruch am Ende zählt nicht). Ein Text, der mit einem Strich beginnt, steht am Ende hinter `--`",
    ),
    ("score", "file", "Eine Datei mit dem Text, der ganz zählt"),
    (
        "score",
        "rolling",
        "Jedes Token bewerten, das erste nach <|endoftext|>, in Fenstern wie bei `loglikelihood_rolling` von lm-evaluation-harness. Ohne das wird das erste Token nicht bewertet, und Fenster überlappen sich zur Hälfte",
    ),
    (
        "tokenize",
        "text",
        "Der Text. Ohne ihn oder mit `-` wird er von der Standardeingabe gelesen (ein Zeilenumbruch am Ende zählt nicht). Ein Text, der mit einem Strich beginnt, steht am Ende hinter `--`",
    ),
    (
        "tokenize",
        "file",
        "Eine Datei mit dem Text, der ganz zählt",
    ),
    (
        "tokenize",
        "decode",
        "Umgekehrt: den Text zu diesen Nummern ausgeben, zwischen Kommas oder Leerzeichen oder als JSON-Liste",
    ),
    (
        "tokenize",
        "special",
        "Ausgeschriebene Steuertoken wie <|user|> als solche verstehen",
    ),
    (
        "tokenize",
        "ids",
        "Nur die Nummern ausgeben, auf einer Zeile, wie --prompt-ids und --decode sie nehmen",
    ),
    (
        "convert",
        "input",
        "Der Checkpoint: eine .pt, ein eigener oder ein Hugging-Face-Ordner oder hf:OWNER/NAME[/FILE.pt][@REVISION]",
    ),
    ("convert", "out", "Der Ordner, der geschrieben wird"),
    (
        "convert",
        "to",
        "Die Form: native (die Vorgabe, was dieses Programm am schnellsten lädt) oder huggingface (was die Bibliothek transformers lädt)",
    ),
    (
        "convert",
        "dtype",
        "Der Zahlentyp, der geschrieben wird: f32, f16, bf16, int8. Ohne Angabe der vorgefundene",
    ),
    (
        "convert",
        "tokenizer",
        "Die tokenizer.json des Modells, die dazugelegt wird. Ohne Angabe die neben der Eingabe",
    ),
    (
        "convert",
        "force",
        "Einen Ordner ersetzen, in dem nur Dateien liegen, wie Umwandlungen sie schreiben",
    ),
    (
        "inspect",
        "path",
        "Der Checkpoint: eine .pt, ein eigener oder ein Hugging-Face-Ordner oder hf:OWNER/NAME[/FILE.pt][@REVISION]",
    ),
    (
        "inspect",
        "tokenizer",
        "Die tokenizer.json des Modells. Ohne Angabe die neben dem Checkpoint",
    ),
    (
        "bench",
        "model",
        "Das Modell: eine .pt, ein eigener oder ein Hugging-Face-Ordner oder hf:OWNER/NAME. Ohne Angabe zufällige Gewichte der üblichen Größe (75M), für die Dauer der Messung in einem temporären Ordner",
    ),
    (
        "bench",
        "devices",
        "Wo gerechnet wird; mehrere werden nacheinander gemessen",
    ),
    (
        "bench",
        "dtypes",
        "Die Zahlentypen, in denen gerechnet wird",
    ),
    (
        "bench",
        "prefill",
        "Längen von Texten, die auf einmal gerechnet werden. Ohne Angabe sieben Achtel des Kontexts",
    ),
    (
        "bench",
        "depth",
        "Stellen, von denen an erzeugt wird. Ohne Angabe ein Achtel und sieben Achtel des Kontexts",
    ),
    (
        "bench",
        "tokens",
        "Wie viele Token von jeder Stelle an erzeugt werden",
    ),
    (
        "bench",
        "sequences",
        "Wie viele Texte zusammen erzeugt werden, von der ersten Stelle über 0 an",
    ),
    (
        "bench",
        "repetitions",
        "Wie oft alles gemessen wird, nach einem ersten Mal, das nicht zählt",
    ),
    (
        "completions",
        "shell",
        "Die Shell: bash, elvish, fish, powershell, zsh",
    ),
    (
        "man",
        "folder",
        "Der Ordner; er wird angelegt, wenn er fehlt",
    ),
];
