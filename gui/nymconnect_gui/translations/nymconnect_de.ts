<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de">
<context>
    <name>About</name>
    <message>
        <source>A proxy that takes the connections of your programs through a mixnet. It speaks the protocols of the Nym network, but is an independent program, not made by Nym.</source>
        <translation>Ein Proxy für Ihre Programme, durch ein Mixnetz. Er spricht die Protokolle des Nym-Netzes und ist ein eigenes Werk, nicht von Nym gemacht.</translation>
    </message>
    <message>
        <source>Licence: Apache-2.0</source>
        <translation>Lizenz: Apache-2.0</translation>
    </message>
    <message>
        <source>Parts made by others</source>
        <translation>Teile von anderen</translation>
    </message>
    <message>
        <source>NymConnect uses Qt and PySide as libraries, under the LGPL: you may replace them with versions that you have changed.</source>
        <translation>Qt und PySide werden als Bibliotheken unter der LGPL benutzt: Sie dürfen sie durch selbst geänderte Fassungen ersetzen.</translation>
    </message>
</context>
<context>
    <name>Apps</name>
    <message>
        <source>A program uses the mixnet once you have set it up to use the proxy.</source>
        <translation>Programme benutzen das Mixnetz, sobald sie wissen, wo der Proxy ist.</translation>
    </message>
    <message>
        <source>No way yet</source>
        <translation>Noch kein Weg</translation>
    </message>
    <message>
        <source>All apps</source>
        <translation>Alle Programme</translation>
    </message>
    <message>
        <source>Set up {name}</source>
        <translation>{name} einrichten</translation>
    </message>
    <message>
        <source>Step {number}</source>
        <translation>Schritt {number}</translation>
    </message>
    <message>
        <source>Tested with version {version}.</source>
        <translation>Getestet mit Version {version}.</translation>
    </message>
    <message>
        <source>Good to know</source>
        <translation>Gut zu wissen</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>Kopieren</translation>
    </message>
    <message>
        <source>Wallets</source>
        <translation>Wallets</translation>
    </message>
    <message>
        <source>Messengers</source>
        <translation>Messenger</translation>
    </message>
    <message>
        <source>Mail</source>
        <translation>E-Mail</translation>
    </message>
    <message>
        <source>Browsers</source>
        <translation>Browser</translation>
    </message>
    <message>
        <source>Tools</source>
        <translation>Werkzeuge</translation>
    </message>
    <message>
        <source>Server names are looked up at the exit, not on this computer.</source>
        <translation>Namen von Servern werden am Ausgang nachgeschlagen, nicht auf diesem Rechner.</translation>
    </message>
    <message>
        <source>Some server names are looked up outside the proxy: see below.</source>
        <translation>Einige Namen von Servern werden am Proxy vorbei nachgeschlagen: siehe unten.</translation>
    </message>
    <message>
        <source>It connects to addresses, so no names are looked up.</source>
        <translation>Es fragt nach Adressen, also werden keine Namen nachgeschlagen.</translation>
    </message>
    <message>
        <source>It does not use the proxy: its traffic goes around the mixnet.</source>
        <translation>Es benutzt den Proxy nicht: Was es sendet, geht am Mixnetz vorbei.</translation>
    </message>
</context>
<context>
    <name>Checkup</name>
    <message>
        <source>Test this</source>
        <translation>Ausprobieren</translation>
    </message>
    <message>
        <source>Server to reach (optional)</source>
        <translation>Zu erreichender Server (freiwillig)</translation>
    </message>
    <message>
        <source>host:port</source>
        <translation>host:port</translation>
    </message>
    <message>
        <source>Trying…</source>
        <translation>Wird versucht …</translation>
    </message>
    <message>
        <source>The test ended before it was finished.</source>
        <translation>Vor dem Ende abgebrochen.</translation>
    </message>
    <message>
        <source>Run again</source>
        <translation>Noch einmal</translation>
    </message>
    <message>
        <source>Run the test</source>
        <translation>Testen</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>Anhalten</translation>
    </message>
    <message>
        <source>Proxy on this computer</source>
        <translation>Proxy auf diesem Rechner</translation>
    </message>
    <message>
        <source>Gateway</source>
        <translation>Gateway</translation>
    </message>
    <message>
        <source>Three mixes</source>
        <translation>Drei Mixe</translation>
    </message>
    <message>
        <source>Exit</source>
        <translation>Ausgang</translation>
    </message>
    <message>
        <source>Target</source>
        <translation>Ziel</translation>
    </message>
    <message>
        <source>no reason is known</source>
        <translation>es ist kein Grund bekannt</translation>
    </message>
    <message>
        <source>Write host and port, such as example.org:443.</source>
        <translation>Schreiben Sie Host und Port, etwa example.org:443.</translation>
    </message>
    <message>
        <source>The proxy answers.</source>
        <translation>Der Proxy antwortet.</translation>
    </message>
    <message>
        <source>The proxy is off. Press Connect first.</source>
        <translation>Der Proxy ist aus. Drücken Sie zuerst auf Verbinden.</translation>
    </message>
    <message>
        <source>Nothing answers at the proxy&apos;s address. Disconnect, then connect again.</source>
        <translation>Unter der Adresse des Proxys antwortet nichts. Trennen Sie die Verbindung und verbinden Sie neu.</translation>
    </message>
    <message>
        <source>The gateway is connected.</source>
        <translation>Das Gateway ist verbunden.</translation>
    </message>
    <message>
        <source>Not connected yet: {reason}. The proxy refuses connections until then; wait a moment.</source>
        <translation>Noch nicht verbunden: {reason}. Bis dahin lehnt der Proxy ab; warten Sie einen Moment.</translation>
    </message>
    <message>
        <source>The connection has failed: {reason}. Look at the settings, then connect again.</source>
        <translation>Die Verbindung ist gescheitert: {reason}. Sehen Sie in die Einstellungen und verbinden Sie neu.</translation>
    </message>
    <message>
        <source>Packets go through the mixes and come back.</source>
        <translation>Pakete gehen durch die Mixe und kommen zurück.</translation>
    </message>
    <message>
        <source>Somebody drops packets. Data goes around it where it can; if this lasts, choose another gateway.</source>
        <translation>Jemand verwirft Pakete. Daten umgehen das, wo es geht; dauert es an, wählen Sie ein anderes Gateway.</translation>
    </message>
    <message>
        <source>Nothing that is sent comes back. Wait a minute, then connect again.</source>
        <translation>Nichts Gesendetes kommt zurück. Warten Sie eine Minute und verbinden Sie neu.</translation>
    </message>
    <message>
        <source>The exit answers and allows this target.</source>
        <translation>Der Ausgang antwortet und erlaubt dieses Ziel.</translation>
    </message>
    <message>
        <source>The exit does not allow {target}. Use another port, or choose another exit.</source>
        <translation>Der Ausgang erlaubt {target} nicht. Nehmen Sie einen anderen Port oder einen anderen Ausgang.</translation>
    </message>
    <message>
        <source>The exit does not answer. Choose another one in the settings.</source>
        <translation>Der Ausgang antwortet nicht. Wählen Sie in den Einstellungen einen anderen.</translation>
    </message>
    <message>
        <source>The exit could not connect and does not say why. Try again, or choose another one.</source>
        <translation>Der Ausgang konnte nicht verbinden und sagt nicht, warum. Versuchen Sie es noch einmal oder wählen Sie einen anderen.</translation>
    </message>
    <message>
        <source>The exit finds no way to {target}. Check the name.</source>
        <translation>Der Ausgang findet keinen Weg zu {target}. Prüfen Sie den Namen.</translation>
    </message>
    <message>
        <source>{target} accepts connections.</source>
        <translation>{target} nimmt Verbindungen an.</translation>
    </message>
    <message>
        <source>The practice target sent back what it got.</source>
        <translation>Das Übungsziel hat zurückgesendet, was es bekam.</translation>
    </message>
    <message>
        <source>{target} refuses connections. Check the port.</source>
        <translation>{target} lehnt Verbindungen ab. Prüfen Sie den Port.</translation>
    </message>
    <message>
        <source>{target} is silent. Your way through the mixnet works; try another server.</source>
        <translation>{target} schweigt. Ihr Weg durch das Mixnetz geht; versuchen Sie einen anderen Server.</translation>
    </message>
    <message>
        <source>The connection was opened, but what was sent did not come back. Try again.</source>
        <translation>Die Verbindung stand, aber das Gesendete kam nicht zurück. Versuchen Sie es noch einmal.</translation>
    </message>
</context>
<context>
    <name>Closing</name>
    <message>
        <source>Keep NymConnect in the tray?</source>
        <translation>NymConnect im Infobereich behalten?</translation>
    </message>
    <message>
        <source>Programs keep using the mixnet while the window is closed. You are asked only once.</source>
        <translation>Programme benutzen das Mixnetz weiter, während das Fenster zu ist. Das wird nur einmal gefragt.</translation>
    </message>
    <message>
        <source>&amp;Keep in the tray</source>
        <translation>Im Infobereich be&amp;halten</translation>
    </message>
    <message>
        <source>&amp;Quit</source>
        <translation>&amp;Beenden</translation>
    </message>
    <message>
        <source>Quit NymConnect?</source>
        <translation>NymConnect beenden?</translation>
    </message>
    <message>
        <source>This desktop has no tray to stay in. Programs that use the proxy lose their connections.</source>
        <translation>Dieser Desktop hat keinen Infobereich zum Bleiben. Programme, die den Proxy benutzen, verlieren ihre Verbindungen.</translation>
    </message>
</context>
<context>
    <name>Controls</name>
    <message>
        <source>Copied</source>
        <translation>Kopiert</translation>
    </message>
    <message>
        <source>Copy: {name}</source>
        <translation>Kopieren: {name}</translation>
    </message>
</context>
<context>
    <name>Defaults</name>
    <message>
        <source>Reset all settings?</source>
        <translation>Alle Einstellungen zurücksetzen?</translation>
    </message>
    <message>
        <source>Network, gateway, exits, proxy, preset, start and appearance return to their defaults, and passwords are removed. The address book and the keys of this computer stay.</source>
        <translation>Netz, Gateway, Ausgänge, Proxy, Stufe, Start und Aussehen werden wie am Anfang, und Passwörter werden entfernt. Das Adressbuch und die Schlüssel dieses Rechners bleiben.</translation>
    </message>
    <message>
        <source>&amp;Reset</source>
        <translation>&amp;Zurücksetzen</translation>
    </message>
    <message>
        <source>All settings have their default values again.</source>
        <translation>Alle Einstellungen sind wie am Anfang.</translation>
    </message>
</context>
<context>
    <name>Details</name>
    <message>
        <source>Network</source>
        <translation>Netz</translation>
    </message>
    <message>
        <source>Gateway</source>
        <translation>Gateway</translation>
    </message>
    <message>
        <source>Exit (requester)</source>
        <translation>Ausgang (Requester)</translation>
    </message>
    <message>
        <source>Other exits</source>
        <translation>Andere Ausgänge</translation>
    </message>
    <message>
        <source>RPC address</source>
        <translation>RPC-Adresse</translation>
    </message>
    <message>
        <source>Preset</source>
        <translation>Stufe</translation>
    </message>
    <message>
        <source>Packets lost</source>
        <translation>Verlorene Pakete</translation>
    </message>
    <message>
        <source>Extra delay</source>
        <translation>Mehr Verzögerung</translation>
    </message>
    <message>
        <source>Open streams</source>
        <translation>Offene Verbindungen</translation>
    </message>
    <message>
        <source>Carried</source>
        <translation>Übertragen</translation>
    </message>
    <message>
        <source>Packets waiting</source>
        <translation>Wartende Pakete</translation>
    </message>
    <message>
        <source>{up} up · {down} down</source>
        <translation>{up} hin · {down} her</translation>
    </message>
    <message>
        <source>{name} (silent)</source>
        <translation>{name} (schweigt)</translation>
    </message>
</context>
<context>
    <name>Diagnostics</name>
    <message>
        <source>Test the connection</source>
        <translation>Verbindung testen</translation>
    </message>
    <message>
        <source>The way through the mixes</source>
        <translation>Der Weg durch die Mixe</translation>
    </message>
    <message>
        <source>Log</source>
        <translation>Protokoll</translation>
    </message>
    <message>
        <source>Problem report</source>
        <translation>Problembericht</translation>
    </message>
    <message>
        <source>How it works</source>
        <translation>Wie es geht</translation>
    </message>
    <message>
        <source>About</source>
        <translation>Über</translation>
    </message>
    <message>
        <source>Find out more</source>
        <translation>Mehr erfahren</translation>
    </message>
    <message>
        <source>Nothing has been measured yet.</source>
        <translation>Noch ist nichts gemessen.</translation>
    </message>
    <message>
        <source>While connected, NymConnect sends packets to itself all the time and measures their loss and delay.</source>
        <translation>Während der Verbindung messen Pakete an uns selbst ständig Verlust und Verzögerung.</translation>
    </message>
    <message>
        <source>{loss} % of the packets to itself were lost; the others took {delay} ms longer than planned.</source>
        <translation>{loss} % unserer Pakete an uns selbst gingen verloren; die anderen brauchten {delay} ms länger als ausgelost.</translation>
    </message>
    <message>
        <source>Somebody drops packets.</source>
        <translation>Jemand verwirft Pakete.</translation>
    </message>
    <message>
        <source>Many packets get lost. A busy computer or line can cause that, too.</source>
        <translation>Viele Pakete gehen verloren. Das geschieht auch, wenn Rechner oder Leitung beschäftigt sind.</translation>
    </message>
    <message>
        <source>It works well.</source>
        <translation>Es geht gut.</translation>
    </message>
</context>
<context>
    <name>Fields</name>
    <message>
        <source>Write the address of the network&apos;s directory.</source>
        <translation>Schreiben Sie die Adresse des Verzeichnisses.</translation>
    </message>
    <message>
        <source>The address begins with https:// or http://.</source>
        <translation>Die Adresse beginnt mit https:// oder http://.</translation>
    </message>
    <message>
        <source>Write the whole address, such as https://mixnet.example.org/api.</source>
        <translation>Das ist keine vollständige Adresse wie https://mixnet.example.org/api.</translation>
    </message>
    <message>
        <source>Only an address that begins with https:// has a certificate.</source>
        <translation>Nur eine Adresse, die mit https:// beginnt, hat ein Zertifikat.</translation>
    </message>
    <message>
        <source>A fingerprint (SHA-256) has 64 digits and letters from a to f.</source>
        <translation>Ein Fingerabdruck (SHA-256) hat 64 Ziffern und Buchstaben von a bis f.</translation>
    </message>
    <message>
        <source>Write the two letters of a country, such as CH.</source>
        <translation>Zwei Buchstaben, die für ein Land stehen, wie CH.</translation>
    </message>
    <message>
        <source>Write the gateway&apos;s identity key, or choose Automatic.</source>
        <translation>Schreiben Sie den Schlüssel des Gateways oder wählen Sie Automatisch.</translation>
    </message>
    <message>
        <source>An identity key has 43 or 44 letters and digits, without 0, O, I and l.</source>
        <translation>Ein Schlüssel hat 43 oder 44 Buchstaben und Ziffern, ohne 0, O, I und l.</translation>
    </message>
    <message>
        <source>Write a name or a Nym address, or choose Automatic.</source>
        <translation>Schreiben Sie einen Namen oder eine Nym-Adresse oder wählen Sie Automatisch.</translation>
    </message>
    <message>
        <source>Choose Automatic to let the directory decide.</source>
        <translation>Wählen Sie Automatisch, damit das Verzeichnis entscheidet.</translation>
    </message>
    <message>
        <source>At most {count} exits.</source>
        <translation>Höchstens {count} Ausgänge.</translation>
    </message>
    <message>
        <source>One exit is in the list twice.</source>
        <translation>Ein Ausgang steht zweimal da.</translation>
    </message>
    <message>
        <source>No exit is named {name} in your address book.</source>
        <translation>In Ihrem Adressbuch heißt kein Ausgang {name}.</translation>
    </message>
    <message>
        <source>Not a Nym address: {start}… Its form is identity.encryption@gateway, without spaces.</source>
        <translation>Keine Nym-Adresse: {start}… Sie lautet identität.verschlüsselung@gateway, in einem Stück.</translation>
    </message>
    <message>
        <source>A port is a number.</source>
        <translation>Ein Port ist eine Zahl.</translation>
    </message>
    <message>
        <source>A port is a number from 1 to 65535.</source>
        <translation>Ein Port ist eine Zahl von 1 bis 65535.</translation>
    </message>
    <message>
        <source>Ports below 1024 belong to the system. Take a higher one, such as 1080.</source>
        <translation>Ports unter 1024 gehören dem System. Nehmen Sie einen höheren, etwa 1080.</translation>
    </message>
    <message>
        <source>Write an IP address, such as 127.0.0.1.</source>
        <translation>Schreiben Sie eine IP-Adresse, etwa 127.0.0.1.</translation>
    </message>
    <message>
        <source>Other computers reach this address. Allow that below, or take 127.0.0.1.</source>
        <translation>Andere Rechner erreichen diese Adresse. Erlauben Sie das unten, oder nehmen Sie 127.0.0.1.</translation>
    </message>
    <message>
        <source>The proxy begins with socks5:// or http://.</source>
        <translation>Der Proxy beginnt mit socks5:// oder http://.</translation>
    </message>
    <message>
        <source>Write it as socks5://host:port.</source>
        <translation>Schreiben Sie ihn als socks5://host:port.</translation>
    </message>
    <message>
        <source>Write name and password in their own fields.</source>
        <translation>Name und Passwort haben eigene Felder.</translation>
    </message>
    <message>
        <source>At most 255 bytes.</source>
        <translation>Höchstens 255 Bytes.</translation>
    </message>
</context>
<context>
    <name>Forms</name>
    <message>
        <source>Hide</source>
        <translation>Verbergen</translation>
    </message>
    <message>
        <source>Show</source>
        <translation>Zeigen</translation>
    </message>
</context>
<context>
    <name>Gateways</name>
    <message>
        <source>performance {figure}</source>
        <translation>Leistung {figure}</translation>
    </message>
    <message>
        <source>chosen</source>
        <translation>gewählt</translation>
    </message>
    <message>
        <source>Automatic</source>
        <translation>Automatisch</translation>
    </message>
    <message>
        <source>Chosen at random once, then kept</source>
        <translation>Einmal ausgelost, dann behalten</translation>
    </message>
    <message>
        <source>Connect</source>
        <translation>Verbinden</translation>
    </message>
    <message>
        <source>Search</source>
        <translation>Suchen</translation>
    </message>
    <message>
        <source>Search by name, address, country or key</source>
        <translation>Suchen nach Name, Adresse, Land oder Schlüssel</translation>
    </message>
    <message>
        <source>Gateways</source>
        <translation>Gateways</translation>
    </message>
    <message>
        <source>{shown} of {all} gateways</source>
        <translation>{shown} von {all} Gateways</translation>
    </message>
    <message>
        <source>The practice network has new gateways each time it starts, so there is nothing to choose here.</source>
        <translation>Das Übungsnetz hat bei jedem Start andere Gateways: Hier gibt es nichts zu wählen.</translation>
    </message>
    <message>
        <source>The directory does not list the gateway that you have chosen.</source>
        <translation>Das Verzeichnis führt das von Ihnen gewählte Gateway nicht.</translation>
    </message>
    <message>
        <source>Your gateway learns your address. It is safer to keep one gateway than to use many.</source>
        <translation>Ihr Gateway erfährt Ihre Adresse. Eines, das bleibt, ist sicherer als viele.</translation>
    </message>
    <message>
        <source>NymConnect is reading the network&apos;s directory, which lists the gateways.</source>
        <translation>Das Verzeichnis des Netzes wird gerade gelesen. Es führt die Gateways auf.</translation>
    </message>
    <message>
        <source>The network&apos;s directory lists the gateways. NymConnect reads it when a program asks.</source>
        <translation>Das Verzeichnis des Netzes führt die Gateways auf. Es wird gelesen, wenn ein Programm anfragt.</translation>
    </message>
    <message>
        <source>The network&apos;s directory lists the gateways. NymConnect reads it when you connect.</source>
        <translation>Das Verzeichnis des Netzes führt die Gateways auf. Es wird gelesen, wenn Sie verbinden.</translation>
    </message>
    <message>
        <source>The directory measures performance. It does not say how busy a gateway is.</source>
        <translation>Leistung ist, was das Verzeichnis misst; wie ausgelastet sie sind, sagt niemand.</translation>
    </message>
    <message>
        <source>This directory does not measure performance.</source>
        <translation>Dieses Verzeichnis misst keine Leistung.</translation>
    </message>
    <message>
        <source>Operators state their own country.</source>
        <translation>Länder sind, was die Betreiber sagen.</translation>
    </message>
    <message>
        <source>The countries are not known.</source>
        <translation>Länder sind nicht bekannt.</translation>
    </message>
</context>
<context>
    <name>Guide</name>
    <message>
        <source>Back</source>
        <translation>Zurück</translation>
    </message>
    <message>
        <source>{number} of {count}</source>
        <translation>{number} von {count}</translation>
    </message>
    <message>
        <source>Next</source>
        <translation>Weiter</translation>
    </message>
    <message>
        <source>NymConnect sends what your programs ask for through a mixnet: a gateway, three mixes and an exit.</source>
        <translation>NymConnect schickt, was Ihre Programme verlangen, durch ein Mixnetz: ein Gateway, drei Mixe und einen Ausgang.</translation>
    </message>
    <message>
        <source>Each mix holds every packet for a random time. Cover traffic flows all the time, so that nobody sees which packets are yours.</source>
        <translation>Jeder Mix hält jedes Paket eine zufällige Zeit lang fest. Deckverkehr fließt immer, damit niemand sieht, welche Pakete Ihre sind.</translation>
    </message>
    <message>
        <source>You begin with a practice network on this computer. It shows how NymConnect works, but hides nothing yet.</source>
        <translation>Es beginnt mit einem Übungsnetz auf diesem Rechner. Das zeigt, wie es geht, verbirgt aber noch nichts.</translation>
    </message>
    <message>
        <source>Skip</source>
        <translation>Überspringen</translation>
    </message>
    <message>
        <source>Done</source>
        <translation>Fertig</translation>
    </message>
    <message>
        <source>1. Press Connect.</source>
        <translation>1. Drücken Sie auf „Verbinden“.</translation>
    </message>
    <message>
        <source>2. Open Apps, choose your program, and follow its steps.</source>
        <translation>2. Öffnen Sie Programme, wählen Sie Ihres und folgen Sie den Schritten.</translation>
    </message>
    <message>
        <source>3. Run the test there: it says how far a request gets, and what to do if it fails.</source>
        <translation>3. Testen Sie es dort: Der Test sagt, wie weit eine Anfrage kommt und was zu tun ist, wenn sie scheitert.</translation>
    </message>
    <message>
        <source>Only programs that you set up use it. All others work as before.</source>
        <translation>Nur Programme, die Sie einrichten, benutzen es. Alle anderen laufen weiter wie bisher.</translation>
    </message>
    <message>
        <source>While it is not connected, the proxy refuses: nothing goes around the mixnet.</source>
        <translation>Ohne Verbindung lehnt der Proxy ab: Nichts geht am Mixnetz vorbei.</translation>
    </message>
    <message>
        <source>The exit sees where requests go, but not who sends them. Use https, as always.</source>
        <translation>Der Ausgang sieht, wohin Anfragen gehen, aber nicht, von wem sie kommen. Benutzen Sie https, wie immer.</translation>
    </message>
    <message>
        <source>Hiding costs time and data. Settings shows how much, and lets you choose.</source>
        <translation>Verbergen kostet Zeit und Daten. In den Einstellungen sehen Sie, wie viel, und wählen.</translation>
    </message>
    <message>
        <source>What it does</source>
        <translation>Was es tut</translation>
    </message>
    <message>
        <source>What you do</source>
        <translation>Was Sie tun</translation>
    </message>
    <message>
        <source>What it does not do</source>
        <translation>Was es nicht tut</translation>
    </message>
</context>
<context>
    <name>Home</name>
    <message>
        <source>Traffic of the last two minutes</source>
        <translation>Verkehr der letzten zwei Minuten</translation>
    </message>
    <message>
        <source>{up:.0f} packets a second sent, {up_data:.0f} of them your data; {down:.0f} received, {down_data:.0f} of them your data</source>
        <translation>{up:.0f} Pakete pro Sekunde gesendet, davon {up_data:.0f} Ihre Daten; {down:.0f} empfangen, davon {down_data:.0f} Ihre Daten</translation>
    </message>
    <message>
        <source>nothing on the wire</source>
        <translation>nichts auf der Leitung</translation>
    </message>
    <message>
        <source>sent</source>
        <translation>gesendet</translation>
    </message>
    <message>
        <source>received</source>
        <translation>empfangen</translation>
    </message>
    <message>
        <source>your data</source>
        <translation>Ihre Daten</translation>
    </message>
    <message>
        <source>cover</source>
        <translation>Deckung</translation>
    </message>
    <message>
        <source>Reconnect with the new settings</source>
        <translation>Mit den neuen Einstellungen verbinden</translation>
    </message>
    <message>
        <source>SOCKS5 address</source>
        <translation>SOCKS5-Adresse</translation>
    </message>
    <message>
        <source>Port</source>
        <translation>Port</translation>
    </message>
    <message>
        <source>Set up an app</source>
        <translation>App einrichten</translation>
    </message>
    <message>
        <source>Hide details</source>
        <translation>Einzelheiten verbergen</translation>
    </message>
    <message>
        <source>Show details</source>
        <translation>Einzelheiten zeigen</translation>
    </message>
    <message>
        <source>Use port {port}</source>
        <translation>Port {port} nehmen</translation>
    </message>
    <message>
        <source>Problem report</source>
        <translation>Problembericht</translation>
    </message>
    <message>
        <source>Open settings</source>
        <translation>Einstellungen öffnen</translation>
    </message>
    <message>
        <source>{up}/s up · {down}/s down</source>
        <translation>{up}/s hin · {down}/s her</translation>
    </message>
    <message>
        <source>for {time}</source>
        <translation>seit {time}</translation>
    </message>
    <message>
        <source>Gateway {name}</source>
        <translation>Gateway {name}</translation>
    </message>
    <message>
        <source>Exit {name}</source>
        <translation>Ausgang {name}</translation>
    </message>
    <message>
        <source>{action} (now: {state})</source>
        <translation>{action} (jetzt: {state})</translation>
    </message>
    <message>
        <source>Mix</source>
        <translation>Mix</translation>
    </message>
    <message>
        <source>You</source>
        <translation>Sie</translation>
    </message>
    <message>
        <source>Gateway</source>
        <translation>Gateway</translation>
    </message>
    <message>
        <source>Exit</source>
        <translation>Ausgang</translation>
    </message>
    <message>
        <source>Site</source>
        <translation>Ziel</translation>
    </message>
    <message>
        <source>in use up to: {hop}</source>
        <translation>in Gebrauch bis: {hop}</translation>
    </message>
    <message>
        <source>The way of a packet: {hops}</source>
        <translation>Der Weg eines Pakets: {hops}</translation>
    </message>
</context>
<context>
    <name>Log</name>
    <message>
        <source>Log</source>
        <translation>Protokoll</translation>
    </message>
    <message>
        <source>Search</source>
        <translation>Suchen</translation>
    </message>
    <message>
        <source>Search in the log</source>
        <translation>Im Protokoll suchen</translation>
    </message>
    <message>
        <source>Lowest level to show</source>
        <translation>Zeigen ab dieser Stufe</translation>
    </message>
    <message>
        <source>Lowest level to record</source>
        <translation>Aufzeichnen ab dieser Stufe</translation>
    </message>
    <message>
        <source>Debug also records which servers programs ask for.</source>
        <translation>Mit Debug wird auch aufgezeichnet, nach welchen Servern Programme fragen.</translation>
    </message>
    <message>
        <source>Record</source>
        <translation>Aufzeichnen</translation>
    </message>
    <message>
        <source>Show</source>
        <translation>Zeigen</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>Kopieren</translation>
    </message>
    <message>
        <source>Save…</source>
        <translation>Speichern …</translation>
    </message>
    <message>
        <source>Clear</source>
        <translation>Leeren</translation>
    </message>
    <message>
        <source>Debug</source>
        <translation>Debug</translation>
    </message>
    <message>
        <source>Info</source>
        <translation>Info</translation>
    </message>
    <message>
        <source>Warnings</source>
        <translation>Warnungen</translation>
    </message>
    <message>
        <source>Errors</source>
        <translation>Fehler</translation>
    </message>
</context>
<context>
    <name>Pages</name>
    <message>
        <source>Home</source>
        <translation>Start</translation>
    </message>
    <message>
        <source>Apps</source>
        <translation>Programme</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>Einstellungen</translation>
    </message>
    <message>
        <source>Diagnostics</source>
        <translation>Diagnose</translation>
    </message>
    <message>
        <source>Network</source>
        <translation>Netz</translation>
    </message>
    <message>
        <source>Gateway and exits</source>
        <translation>Gateway und Ausgänge</translation>
    </message>
    <message>
        <source>Gateways</source>
        <translation>Gateways</translation>
    </message>
    <message>
        <source>Proxy</source>
        <translation>Proxy</translation>
    </message>
    <message>
        <source>Start and tray</source>
        <translation>Start und Infobereich</translation>
    </message>
    <message>
        <source>Appearance</source>
        <translation>Aussehen</translation>
    </message>
    <message>
        <source>Log</source>
        <translation>Protokoll</translation>
    </message>
    <message>
        <source>Problem report</source>
        <translation>Problembericht</translation>
    </message>
    <message>
        <source>About</source>
        <translation>Über</translation>
    </message>
    <message>
        <source>How it works</source>
        <translation>Wie es geht</translation>
    </message>
    <message>
        <source>Back</source>
        <translation>Zurück</translation>
    </message>
    <message>
        <source>Close this message</source>
        <translation>Diese Meldung schließen</translation>
    </message>
    <message>
        <source>No tray on this desktop: closing this window quits NymConnect.</source>
        <translation>Kein Infobereich auf diesem Desktop: Schließen beendet NymConnect.</translation>
    </message>
</context>
<context>
    <name>Presets</name>
    <message>
        <source>Nym-compatible</source>
        <translation>Nym-kompatibel</translation>
    </message>
    <message>
        <source>Looks like Nym&apos;s own client, for Nym&apos;s network; downloads show on your line.</source>
        <translation>Sieht aus wie Nyms eigener Client, für Nyms Netz; Downloads zeigen sich auf Ihrer Leitung.</translation>
    </message>
    <message>
        <source>Balanced</source>
        <translation>Ausgewogen</translation>
    </message>
    <message>
        <source>For everyday use on a network of NymConnect nodes; the requester answers at a constant rate.</source>
        <translation>Für jeden Tag in einem eigenen Netz; der Ausgang antwortet mit fester Rate.</translation>
    </message>
    <message>
        <source>High</source>
        <translation>Hoch</translation>
    </message>
    <message>
        <source>Longer delays, and a downlink that the gateway keeps constant too.</source>
        <translation>Längere Verzögerungen, und das Gateway hält auch den Empfang gleichmäßig.</translation>
    </message>
    <message>
        <source>Wallet</source>
        <translation>Wallet</translation>
    </message>
    <message>
        <source>Little traffic and delays of seconds, for the small messages of a wallet.</source>
        <translation>Wenig Verkehr und Verzögerungen von Sekunden, für die kleinen Nachrichten einer Wallet.</translation>
    </message>
    <message>
        <source>Bulk</source>
        <translation>Viel</translation>
    </message>
    <message>
        <source>Five times the traffic, for large downloads such as the history of a wallet.</source>
        <translation>Fünfmal so viel Verkehr, um viel auf einmal zu holen, etwa die Vergangenheit einer Wallet.</translation>
    </message>
    <message>
        <source>Fast (unsafe)</source>
        <translation>Schnell (unsicher)</translation>
    </message>
    <message>
        <source>Nym&apos;s fast mode: its delays are too short to mix much. For trying things out, not for hiding.</source>
        <translation>Nyms schneller Modus mit zu kurzen Verzögerungen, um viel zu mischen: zum Ausprobieren, nicht zum Verbergen.</translation>
    </message>
</context>
<context>
    <name>Program</name>
    <message>
        <source>The settings were not saved and last until the program ends: {reason}</source>
        <translation>Die Einstellungen wurden nicht gespeichert und gelten bis zum Programmende: {reason}</translation>
    </message>
    <message>
        <source>NymConnect is already running, but does not answer. End it, then start it again.</source>
        <translation>NymConnect läuft schon und antwortet nicht. Beenden Sie es, dann starten Sie es neu.</translation>
    </message>
    <message>
        <source>{reason} NymConnect works, but keeps nothing when it ends.</source>
        <translation>{reason} NymConnect läuft, behält aber nach dem Ende nichts.</translation>
    </message>
</context>
<context>
    <name>Reasons</name>
    <message>
        <source>The disk is full. Make room, then try again.</source>
        <translation>Die Festplatte ist voll. Schaffen Sie Platz und versuchen Sie es noch einmal.</translation>
    </message>
    <message>
        <source>{path}, line {line}: {why}.</source>
        <translation>{path}, Zeile {line}: {why}.</translation>
    </message>
    <message>
        <source>Other users of this computer can change the settings in {path}. Run “{command}” first.</source>
        <translation>Andere Benutzer dieses Rechners können die Einstellungen in {path} ändern. Führen Sie zuerst „{command}“ aus.</translation>
    </message>
    <message>
        <source>Other users of this computer can reach the password in {path}. Run “{command}” first.</source>
        <translation>Andere Benutzer dieses Rechners kommen an das Passwort in {path}. Führen Sie zuerst „{command}“ aus.</translation>
    </message>
    <message>
        <source>The proxy cannot open {address}: {why}. Choose another address or port.</source>
        <translation>Der Proxy kann {address} nicht öffnen: {why}. Wählen Sie eine andere Adresse oder einen anderen Port.</translation>
    </message>
    <message>
        <source>The proxy on the way to the gateway does not connect. Check it in the settings.</source>
        <translation>Der Proxy auf dem Weg zum Gateway verbindet nicht. Prüfen Sie ihn in den Einstellungen.</translation>
    </message>
    <message>
        <source>This computer has no network. Check the connection, then try again.</source>
        <translation>Dieser Rechner hat kein Netz. Prüfen Sie die Verbindung und versuchen Sie es noch einmal.</translation>
    </message>
    <message>
        <source>{url} was not found. Check the network of this computer and the address of the directory.</source>
        <translation>{url} ist nicht zu finden. Prüfen Sie das Netz dieses Rechners und die Adresse des Verzeichnisses.</translation>
    </message>
    <message>
        <source>{url} cannot prove who it is. Check the address, and the date and time of this computer.</source>
        <translation>{url} kann sich nicht ausweisen. Prüfen Sie die Adresse sowie Datum und Uhrzeit dieses Rechners.</translation>
    </message>
    <message>
        <source>{url} shows a different certificate from the one that you named. Ask its operator for the new fingerprint.</source>
        <translation>{url} zeigt ein anderes Zertifikat als das angegebene. Fragen Sie, wer es betreibt, nach dem neuen Fingerabdruck.</translation>
    </message>
    <message>
        <source>{url} does not answer. Check the network of this computer, then try again.</source>
        <translation>{url} antwortet nicht. Prüfen Sie das Netz dieses Rechners und versuchen Sie es noch einmal.</translation>
    </message>
    <message>
        <source>Nothing answers at {url}. Check the address of the directory.</source>
        <translation>Unter {url} antwortet nichts. Prüfen Sie die Adresse des Verzeichnisses.</translation>
    </message>
    <message>
        <source>{url} is not the directory of a mixnet. Check the address.</source>
        <translation>{url} ist kein Verzeichnis eines Mixnetzes. Prüfen Sie die Adresse.</translation>
    </message>
    <message>
        <source>The network does not list the gateway that you chose. Check its key, or choose Automatic.</source>
        <translation>Das Netz führt das gewählte Gateway nicht. Prüfen Sie seinen Schlüssel oder wählen Sie Automatisch.</translation>
    </message>
    <message>
        <source>The network lists no gateway in {country}. Choose another country, or none.</source>
        <translation>Das Netz nennt kein Gateway in {country}. Wählen Sie ein anderes Land oder keines.</translation>
    </message>
    <message>
        <source>The network no longer has the exit {name}. Choose another one.</source>
        <translation>Das Netz hat den Ausgang {name} nicht mehr. Wählen Sie einen anderen.</translation>
    </message>
    <message>
        <source>The exits in use are gone. Taking others of this network.</source>
        <translation>Die benutzten Ausgänge sind fort. Andere dieses Netzes werden genommen.</translation>
    </message>
    <message>
        <source>The network lists no exit in {country}. Choose another country, or none.</source>
        <translation>Das Netz nennt keinen Ausgang in {country}. Wählen Sie ein anderes Land oder keines.</translation>
    </message>
    <message>
        <source>The network no longer lists the gateway.</source>
        <translation>Das Netz führt das Gateway nicht mehr auf.</translation>
    </message>
    <message>
        <source>No gateway of this network can be used at the moment. Try again later.</source>
        <translation>Kein Gateway dieses Netzes ist gerade zu benutzen. Versuchen Sie es später noch einmal.</translation>
    </message>
    <message>
        <source>This network lists no exit. Enter the address of one that you may use.</source>
        <translation>Dieses Netz nennt keinen Ausgang. Geben Sie die Adresse von einem an, den Sie benutzen dürfen.</translation>
    </message>
    <message>
        <source>No exit is named {name}. Choose another one.</source>
        <translation>Kein Ausgang heißt {name}. Wählen Sie einen anderen.</translation>
    </message>
    <message>
        <source>The exit {name} does not answer. Others take over; if there are none, choose another one.</source>
        <translation>Der Ausgang {name} antwortet nicht. Andere übernehmen; gibt es keine, dann wählen Sie einen anderen.</translation>
    </message>
    <message>
        <source>One exit is in the list twice. Remove one of the two.</source>
        <translation>Ein Ausgang steht zweimal da. Entfernen Sie ihn einmal.</translation>
    </message>
    <message>
        <source>The date or time of this computer is wrong. Set it, then try again.</source>
        <translation>Datum oder Uhrzeit dieses Rechners ist falsch. Stellen Sie sie, dann versuchen Sie es noch einmal.</translation>
    </message>
    <message>
        <source>The gateway refuses this client. Check the date and time of this computer, or choose another gateway.</source>
        <translation>Das Gateway lehnt diesen Client ab. Prüfen Sie Datum und Uhrzeit dieses Rechners, oder wählen Sie ein anderes Gateway.</translation>
    </message>
    <message>
        <source>The gateway could not prove that it is the one in the directory. Choose another one.</source>
        <translation>Das Gateway konnte nicht beweisen, dass es das im Verzeichnis ist. Wählen Sie ein anderes.</translation>
    </message>
    <message>
        <source>The gateway speaks another version of the protocol. Choose another one.</source>
        <translation>Das Gateway spricht eine andere Version des Protokolls. Wählen Sie ein anderes.</translation>
    </message>
    <message>
        <source>The gateway refused: “{words}”.</source>
        <translation>Das Gateway lehnt ab: „{words}“.</translation>
    </message>
    <message>
        <source>The gateway refused: “{words}”. Try another gateway.</source>
        <translation>Das Gateway lehnt ab: „{words}“. Versuchen Sie ein anderes Gateway.</translation>
    </message>
    <message>
        <source>The gateway does not answer. Check the network of this computer, or choose another gateway.</source>
        <translation>Das Gateway antwortet nicht. Prüfen Sie das Netz dieses Rechners, oder wählen Sie ein anderes Gateway.</translation>
    </message>
    <message>
        <source>The connection to the gateway was lost.</source>
        <translation>Die Verbindung zum Gateway ging verloren.</translation>
    </message>
    <message>
        <source>The practice network has ended. Try again; if it ends again, save a problem report.</source>
        <translation>Das Übungsnetz ist beendet. Versuchen Sie es noch einmal; endet es wieder, speichern Sie einen Problembericht.</translation>
    </message>
    <message>
        <source>The proxy takes an IP address, such as 127.0.0.1, and no name. Correct it in the settings.</source>
        <translation>Der Proxy braucht eine IP-Adresse wie 127.0.0.1, keinen Namen. Berichtigen Sie das in den Einstellungen.</translation>
    </message>
    <message>
        <source>Other computers reach {address}. Allow that and set a password, or take 127.0.0.1.</source>
        <translation>Andere Rechner erreichen {address}. Erlauben Sie das und setzen Sie ein Passwort, oder nehmen Sie 127.0.0.1.</translation>
    </message>
    <message>
        <source>{host}, which the settings file names in rpc_url, is not on the public Internet. Correct it.</source>
        <translation>{host} steht in der Einstellungsdatei als rpc_url, ist aber nicht im öffentlichen Internet. Berichtigen Sie es.</translation>
    </message>
    <message>
        <source>No exit can look up {host}, which the settings file names in rpc_url. Correct it.</source>
        <translation>Kein Ausgang kann {host} nachschlagen; die Einstellungsdatei nennt es in rpc_url. Berichtigen Sie es.</translation>
    </message>
    <message>
        <source>The settings file has rpc_listen without rpc_url. Add it, or remove both.</source>
        <translation>In der Einstellungsdatei steht rpc_listen ohne rpc_url. Ergänzen Sie es, oder entfernen Sie beide.</translation>
    </message>
    <message>
        <source>Anybody on the way to {url} could change what it says. Use an address with https.</source>
        <translation>Wer auf dem Weg zu {url} sitzt, könnte ändern, was es sagt. Nehmen Sie eine Adresse mit https.</translation>
    </message>
    <message>
        <source>The exit {name} is behind the gateway by which you enter, so its operator sees both ends. Choose another gateway.</source>
        <translation>Der Ausgang {name} steht hinter dem Gateway, über das Sie eintreten; dessen Betreiber sieht beide Enden. Wählen Sie ein anderes Gateway.</translation>
    </message>
    <message>
        <source>{url} is not the address of a directory. Correct it.</source>
        <translation>{url} ist nicht die Adresse eines Verzeichnisses. Berichtigen Sie sie.</translation>
    </message>
    <message>
        <source>Other users of this computer can reach the keys in {path}. Run “{command}” to keep them, or delete the file for new ones.</source>
        <translation>Andere Benutzer dieses Computers kommen an die Schlüssel in {path}. Führen Sie „{command}“ aus, um sie zu behalten, oder löschen Sie die Datei, um neue zu bekommen.</translation>
    </message>
    <message>
        <source>{path} was written by a newer version of NymConnect. Update, or move the file away.</source>
        <translation>{path} stammt von einer neueren Version von NymConnect. Bringen Sie das Programm auf den neuen Stand, oder legen Sie die Datei beiseite.</translation>
    </message>
    <message>
        <source>Something went wrong inside NymConnect. Try again; if it happens again, save a problem report.</source>
        <translation>In NymConnect ging etwas schief. Versuchen Sie es noch einmal; geschieht es wieder, speichern Sie einen Problembericht.</translation>
    </message>
    <message>
        <source>Sending cover traffic for {seconds} seconds first.</source>
        <translation>Zuerst wird {seconds} Sekunden lang Deckverkehr gesendet.</translation>
    </message>
    <message>
        <source>This computer was asleep. Connecting again.</source>
        <translation>Dieser Rechner hat geschlafen. Es wird neu verbunden.</translation>
    </message>
    <message>
        <source>This computer is on another network. Connecting again.</source>
        <translation>Dieser Rechner ist in einem anderen Netz. Es wird neu verbunden.</translation>
    </message>
    <message>
        <source>The keys of the last session could not be read. This session has new ones.</source>
        <translation>Die Schlüssel vom letzten Mal waren nicht lesbar. Diese Sitzung hat neue.</translation>
    </message>
    <message>
        <source>Replies to the last session could not be kept. This one is not affected.</source>
        <translation>Antworten an die letzte Sitzung gingen verloren. Diese ist nicht betroffen.</translation>
    </message>
    <message>
        <source>Your line shows what you receive, because {why}.</source>
        <translation>Was Sie empfangen, zeigt sich auf Ihrer Leitung, denn {why}.</translation>
    </message>
    <message>
        <source>The gateway hides what you receive, but sees it itself, because {why}.</source>
        <translation>Das Gateway verbirgt, was Sie empfangen, sieht es aber selbst, denn {why}.</translation>
    </message>
    <message>
        <source>You get {rate} answer packets a second, whatever you receive.</source>
        <translation>{rate} Pakete je Sekunde antworten Ihnen, was immer Sie empfangen.</translation>
    </message>
    <message>
        <source>Exit and gateway keep a constant rate, whatever you receive.</source>
        <translation>Ausgang und Gateway halten eine gleiche Rate, was immer Sie empfangen.</translation>
    </message>
    <message>
        <source>Another session runs already; this one keeps nothing.</source>
        <translation>Eine andere Sitzung läuft schon; diese behält nichts.</translation>
    </message>
    <message>
        <source>Somebody drops packets, probably at {where}. Data goes around it where it can.</source>
        <translation>Jemand verwirft Pakete, wahrscheinlich bei {where}. Daten umgehen das, wo es geht.</translation>
    </message>
    <message>
        <source>Somebody drops packets. Data goes around it where it can.</source>
        <translation>Jemand verwirft Pakete. Daten umgehen das, wo es geht.</translation>
    </message>
    <message>
        <source>{share} % of the packets that should leave are missing: {why}. The gaps may show what you do.</source>
        <translation>{share} % der Pakete, die abgehen sollten, bleiben aus: {why}. Die Lücken können zeigen, was Sie tun.</translation>
    </message>
    <message>
        <source>{path} cannot be used: {why}.</source>
        <translation>{path} ist nicht zu benutzen: {why}.</translation>
    </message>
    <message>
        <source>The system does not let NymConnect change what starts at login: {why}.</source>
        <translation>Das System lässt NymConnect nicht ändern, was beim Anmelden startet: {why}.</translation>
    </message>
    <message>
        <source>Trying another gateway.</source>
        <translation>Ein anderes Gateway wird versucht.</translation>
    </message>
    <message>
        <source>only {rate} of {wanted} answers a second arrive</source>
        <translation>von {wanted} Antworten je Sekunde kommen nur {rate} an</translation>
    </message>
    <message>
        <source>Only an address with https can have a fingerprint. Correct {url}.</source>
        <translation>Nur eine Adresse mit https kann einen Fingerabdruck haben. Berichtigen Sie {url}.</translation>
    </message>
    <message>
        <source>“{text}” is no Nym address. Paste the whole of it, in one piece.</source>
        <translation>„{text}“ ist keine Nym-Adresse. Fügen Sie sie ganz und in einem Stück ein.</translation>
    </message>
    <message>
        <source>“{text}” is no key of a gateway. Paste the whole of it, in one piece.</source>
        <translation>„{text}“ ist kein Schlüssel eines Gateways. Fügen Sie ihn ganz und in einem Stück ein.</translation>
    </message>
    <message>
        <source>A fingerprint has 64 digits and letters from a to f. Correct the directory&apos;s.</source>
        <translation>Ein Fingerabdruck hat 64 Ziffern und Buchstaben von a bis f. Berichtigen Sie den des Verzeichnisses.</translation>
    </message>
    <message>
        <source>this user may not do that</source>
        <translation>dieser Benutzer darf das nicht</translation>
    </message>
    <message>
        <source>nothing can be written there</source>
        <translation>dort kann nichts geschrieben werden</translation>
    </message>
    <message>
        <source>a file is in the way</source>
        <translation>eine Datei ist im Weg</translation>
    </message>
    <message>
        <source>a folder is in the way</source>
        <translation>ein Ordner ist im Weg</translation>
    </message>
    <message>
        <source>it is not there</source>
        <translation>es ist nicht vorhanden</translation>
    </message>
    <message>
        <source>another program uses it</source>
        <translation>ein anderes Programm benutzt das</translation>
    </message>
    <message>
        <source>this computer has no such address</source>
        <translation>dieser Rechner hat keine solche Adresse</translation>
    </message>
    <message>
        <source>the value is wrong</source>
        <translation>der Wert ist falsch</translation>
    </message>
    <message>
        <source>the value of {option} is wrong</source>
        <translation>der Wert von {option} ist falsch</translation>
    </message>
    <message>
        <source>no section is named {section}</source>
        <translation>kein Abschnitt heißt {section}</translation>
    </message>
    <message>
        <source>the section {section} has no entry {option}</source>
        <translation>der Abschnitt {section} hat keinen Eintrag {option}</translation>
    </message>
    <message>
        <source>the list of exits does not read</source>
        <translation>die Liste der Ausgänge ist nicht lesbar</translation>
    </message>
    <message>
        <source>no exit can have the name “{name}”</source>
        <translation>kein Ausgang kann „{name}“ heißen</translation>
    </message>
    <message>
        <source>the address of the exit {name} is wrong</source>
        <translation>die Adresse des Ausgangs {name} ist falsch</translation>
    </message>
    <message>
        <source>more than {most} exits are listed</source>
        <translation>mehr als {most} Ausgänge sind eingetragen</translation>
    </message>
    <message>
        <source>it is too long</source>
        <translation>die Datei ist zu lang</translation>
    </message>
    <message>
        <source>The gateway hides what you receive. It is not known yet whether the gateway itself sees it: NymConnect counts the answers first, usually for 10 to 40 seconds.</source>
        <translation>Das Gateway verbirgt, was Sie empfangen. Ob es das selbst sieht, ist noch nicht bekannt; die Antworten werden erst gezählt, meist 10 bis 40 Sekunden lang.</translation>
    </message>
    <message>
        <source>It is not known yet whether your line shows what you receive: NymConnect counts the answers first, usually for 10 to 40 seconds.</source>
        <translation>Ob sich auf Ihrer Leitung zeigt, was Sie empfangen, ist noch nicht bekannt; die Antworten werden erst gezählt, meist 10 bis 40 Sekunden lang.</translation>
    </message>
    <message>
        <source>this preset lets what you receive follow the data</source>
        <translation>bei dieser Voreinstellung folgt der Empfang den Daten</translation>
    </message>
    <message>
        <source>the gateway does not deliver at a constant rate</source>
        <translation>das Gateway liefert nicht mit gleicher Rate</translation>
    </message>
    <message>
        <source>the exit has not been asked yet</source>
        <translation>der Ausgang ist noch nicht gefragt worden</translation>
    </message>
    <message>
        <source>the exit does not grant a constant rate</source>
        <translation>der Ausgang gewährt keine gleiche Rate</translation>
    </message>
    <message>
        <source>the exit has not renewed its promise</source>
        <translation>der Ausgang hat seine Zusage nicht erneuert</translation>
    </message>
    <message>
        <source>user names that programs give, or your settings, divide the streams among several tags</source>
        <translation>Benutzernamen, die Programme angeben, oder Ihre Einstellungen verteilen die Ströme auf mehrere Kennzeichen</translation>
    </message>
    <message>
        <source>{option} has no effect: all of the practice network is on this computer.</source>
        <translation>{option} bewirkt nichts: Das Übungsnetz ist ganz auf diesem Rechner.</translation>
    </message>
    <message>
        <source>the exit has not answered yet</source>
        <translation>der Ausgang hat noch nicht geantwortet</translation>
    </message>
    <message>
        <source>the exit does not answer</source>
        <translation>der Ausgang antwortet nicht</translation>
    </message>
    <message>
        <source>the exit cannot keep a constant rate</source>
        <translation>der Ausgang kann keine gleiche Rate halten</translation>
    </message>
    <message>
        <source>the exit has not promised it yet</source>
        <translation>der Ausgang hat es noch nicht zugesagt</translation>
    </message>
    <message>
        <source>this computer makes too few of them</source>
        <translation>dieser Computer erzeugt zu wenige</translation>
    </message>
    <message>
        <source>the line takes too few of them</source>
        <translation>die Leitung nimmt zu wenige ab</translation>
    </message>
    <message>
        <source>other programs keep the sender waiting</source>
        <translation>andere Programme lassen den Sender warten</translation>
    </message>
</context>
<context>
    <name>Report</name>
    <message>
        <source>Problem report</source>
        <translation>Problembericht</translation>
    </message>
    <message>
        <source>This is the whole report, without addresses, keys, names and paths. NymConnect does not send it: read it, then give it to anybody you choose.</source>
        <translation>Das ist alles, was der Bericht sagt. Adressen, Schlüssel, Namen und Pfade sind entfernt. Nichts wird gesendet: Lesen Sie ihn und geben Sie ihn, wem Sie wollen.</translation>
    </message>
    <message>
        <source>Save…</source>
        <translation>Speichern …</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>Kopieren</translation>
    </message>
    <message>
        <source>Make a new one</source>
        <translation>Neu erstellen</translation>
    </message>
</context>
<context>
    <name>Settings</name>
    <message>
        <source>Reconnect</source>
        <translation>Neu verbinden</translation>
    </message>
    <message>
        <source>Some changes need a reconnect.</source>
        <translation>Einige Änderungen gelten erst nach neuem Verbinden.</translation>
    </message>
    <message>
        <source>Reset to defaults…</source>
        <translation>Zurücksetzen …</translation>
    </message>
    <message>
        <source>NymConnect does not connect until that is mended, and has not touched the file.</source>
        <translation>NymConnect verbindet sich nicht, bis das behoben ist, und hat die Datei nicht angerührt.</translation>
    </message>
    <message>
        <source>Read it again</source>
        <translation>Erneut lesen</translation>
    </message>
    <message>
        <source>Set it aside and use defaults</source>
        <translation>Beiseitelegen und Vorgaben nehmen</translation>
    </message>
    <message>
        <source>The file cannot be renamed.</source>
        <translation>Die Datei lässt sich nicht umbenennen.</translation>
    </message>
    <message>
        <source>The settings are the defaults now. The old file is kept as {file}.</source>
        <translation>Es gelten jetzt die Vorgaben. Die alte Datei ist noch da und heißt {file}.</translation>
    </message>
    <message>
        <source>How much to hide</source>
        <translation>Wie viel verborgen wird</translation>
    </message>
    <message>
        <source>Not safe: with this preset you can be traced.</source>
        <translation>Nicht sicher: Mit dieser Stufe kann man Sie verfolgen.</translation>
    </message>
    <message>
        <source>The settings file changes traffic values of the preset. That sets you apart from all other users.</source>
        <translation>Die Einstellungsdatei hat eigene Verkehrswerte, an denen man Sie erkennen kann.</translation>
    </message>
    <message>
        <source>Remove them</source>
        <translation>Entfernen</translation>
    </message>
    <message>
        <source>Network</source>
        <translation>Netz</translation>
    </message>
    <message>
        <source>Gateway and exits</source>
        <translation>Gateway und Ausgänge</translation>
    </message>
    <message>
        <source>Proxy</source>
        <translation>Proxy</translation>
    </message>
    <message>
        <source>Start and tray</source>
        <translation>Start und Infobereich</translation>
    </message>
    <message>
        <source>Appearance</source>
        <translation>Aussehen</translation>
    </message>
    <message>
        <source>Log</source>
        <translation>Protokoll</translation>
    </message>
    <message>
        <source>Everything else</source>
        <translation>Alles andere</translation>
    </message>
    <message>
        <source>Automatic</source>
        <translation>Automatisch</translation>
    </message>
    <message>
        <source>Chosen by you</source>
        <translation>Von Ihnen gewählt</translation>
    </message>
    <message>
        <source>Connects on start</source>
        <translation>Verbindet beim Start</translation>
    </message>
    <message>
        <source>Answers about {delay} s later · {data} GB a day each way while on</source>
        <translation>Antworten etwa {delay} s später · {data} GB am Tag je Richtung, solange es an ist</translation>
    </message>
    <message>
        <source>On this network: {preset}.</source>
        <translation>In diesem Netz: {preset}.</translation>
    </message>
    <message>
        <source>Anybody who watches your line sees when you download.</source>
        <translation>Wer Ihre Leitung beobachtet, sieht, wann Sie herunterladen.</translation>
    </message>
    <message>
        <source>What you receive is hidden too if the exit can keep a constant rate. Home says whether it does.</source>
        <translation>Auch was Sie empfangen, ist verborgen, wenn der Ausgang eine feste Rate halten kann. Die Startseite sagt, ob er es tut.</translation>
    </message>
    <message>
        <source>What you receive is hidden too if gateway and exit can keep a constant rate. Home says whether they do.</source>
        <translation>Auch was Sie empfangen, ist verborgen, wenn Gateway und Ausgang eine feste Rate halten können. Die Startseite sagt, ob sie es tun.</translation>
    </message>
    <message>
        <source>Same as the system</source>
        <translation>Wie das System</translation>
    </message>
    <message>
        <source>Light</source>
        <translation>Hell</translation>
    </message>
    <message>
        <source>Dark</source>
        <translation>Dunkel</translation>
    </message>
    <message>
        <source>Changes last until the program ends.</source>
        <translation>Änderungen gelten bis zum Ende des Programms.</translation>
    </message>
    <message>
        <source>Saved in {file}.</source>
        <translation>Gespeichert in {file}.</translation>
    </message>
    <message>
        <source>Passwords go to {name}.</source>
        <translation>Passwörter liegen in {name}.</translation>
    </message>
    <message>
        <source>It holds the passwords too; only you can read it.</source>
        <translation>Passwörter auch; nur Sie können sie lesen.</translation>
    </message>
    <message>
        <source>Entry gateway</source>
        <translation>Eingangs-Gateway</translation>
    </message>
    <message>
        <source>Identity key of the gateway</source>
        <translation>Schlüssel des Gateways</translation>
    </message>
    <message>
        <source>If it is offline, there is no connection: NymConnect takes no other gateway.</source>
        <translation>Ist es fort, gibt es keine Verbindung: Es wird kein anderes genommen.</translation>
    </message>
    <message>
        <source>Automatic: chosen at random once, then kept until it is gone. The gateway learns your address.</source>
        <translation>Automatisch: einmal ausgelost, dann behalten und nur verlassen, wenn es fort ist. Es erfährt Ihre Adresse.</translation>
    </message>
    <message>
        <source>Choose from a list</source>
        <translation>Aus einer Liste wählen</translation>
    </message>
    <message>
        <source>Exits (network requesters)</source>
        <translation>Ausgänge (Network Requester)</translation>
    </message>
    <message>
        <source>Names or Nym addresses, with commas between them</source>
        <translation>Namen oder Nym-Adressen, mit Kommas dazwischen</translation>
    </message>
    <message>
        <source>With several exits, each connects to a part of the targets, so none sees them all.</source>
        <translation>Von mehreren wählt jeder einen Teil der Ziele an, sodass keiner alle sieht.</translation>
    </message>
    <message>
        <source>How many to take from the directory</source>
        <translation>Wie viele das Verzeichnis auslost</translation>
    </message>
    <message>
        <source>An exit sees the targets, but not who asks for them.</source>
        <translation>Ein Ausgang sieht, nach welchen Zielen gefragt wird, aber nicht von wem.</translation>
    </message>
    <message>
        <source>What an exit can link together</source>
        <translation>Was ein Ausgang in Verbindung bringt</translation>
    </message>
    <message>
        <source>Each destination</source>
        <translation>Je Ziel</translation>
    </message>
    <message>
        <source>Each connection</source>
        <translation>Je Verbindung</translation>
    </message>
    <message>
        <source>Each user name</source>
        <translation>Je Benutzername</translation>
    </message>
    <message>
        <source>Everything</source>
        <translation>Alles</translation>
    </message>
    <message>
        <source>Your line then shows what you receive.</source>
        <translation>Was Sie empfangen, zeigt sich dann auf Ihrer Leitung.</translation>
    </message>
    <message>
        <source>Only in this country (optional)</source>
        <translation>Nur in diesem Land (freiwillig)</translation>
    </message>
    <message>
        <source>Two letters, such as CH. Operators state their own country. The fewer nodes are left, the easier you are to find.</source>
        <translation>Zwei Buchstaben wie CH. Knoten sagen selbst, wo sie sind, und je weniger übrig bleiben, desto leichter findet man Sie.</translation>
    </message>
    <message>
        <source>Name</source>
        <translation>Name</translation>
    </message>
    <message>
        <source>Nym address</source>
        <translation>Nym-Adresse</translation>
    </message>
    <message>
        <source>Add to the address book</source>
        <translation>Ins Adressbuch</translation>
    </message>
    <message>
        <source>Address book of exits</source>
        <translation>Adressbuch der Ausgänge</translation>
    </message>
    <message>
        <source>My own choice</source>
        <translation>Eigene Wahl</translation>
    </message>
    <message>
        <source>No entry yet. Give an exit a name, then choose it by that name.</source>
        <translation>Noch niemand. Geben Sie einem Ausgang einen Namen, um ihn damit zu wählen.</translation>
    </message>
    <message>
        <source>Remove {name}</source>
        <translation>{name} entfernen</translation>
    </message>
    <message>
        <source>A name has 1 to 40 letters, digits, - and _.</source>
        <translation>Ein Name hat 1 bis 40 Buchstaben, Ziffern, - und _.</translation>
    </message>
    <message>
        <source>An entry needs a name and a Nym address.</source>
        <translation>Ein Eintrag braucht einen Namen und eine Nym-Adresse.</translation>
    </message>
    <message>
        <source>The address book is full, or this is not one Nym address.</source>
        <translation>Das Adressbuch ist voll, oder das ist nicht eine Nym-Adresse.</translation>
    </message>
    <message>
        <source>{name} is in use. Choose another exit first.</source>
        <translation>{name} ist in Gebrauch. Wählen Sie erst einen anderen Ausgang.</translation>
    </message>
    <message>
        <source>An exit takes each destination for another user. With a preset that keeps what you receive at a constant rate, it takes all programs for one user, except those that give the proxy a user name.</source>
        <translation>Für einen Ausgang ist jedes Ziel ein anderer Benutzer; mit einer Stufe, die den Empfang gleichmäßig hält, sind alle Programme einer, außer denen, die dem Proxy einen Benutzernamen nennen.</translation>
    </message>
    <message>
        <source>An exit takes each connection for another user. That costs the most data.</source>
        <translation>Für einen Ausgang ist jede Verbindung ein anderer Benutzer. Das kostet am meisten Daten.</translation>
    </message>
    <message>
        <source>An exit takes all programs for one user, except those that give the proxy a user name.</source>
        <translation>Für einen Ausgang sind alle Programme ein Benutzer, außer denen, die dem Proxy einen Benutzernamen nennen.</translation>
    </message>
    <message>
        <source>An exit takes everything from this computer for one user.</source>
        <translation>Für einen Ausgang ist alles von diesem Rechner ein Benutzer.</translation>
    </message>
    <message>
        <source>An exit takes each destination for another user, up to eight at once.</source>
        <translation>Für einen Ausgang ist jedes Ziel ein anderer Benutzer, bis zu acht auf einmal.</translation>
    </message>
    <message>
        <source>Colours</source>
        <translation>Farben</translation>
    </message>
    <message>
        <source>Size of text</source>
        <translation>Schriftgröße</translation>
    </message>
    <message>
        <source>Language</source>
        <translation>Sprache</translation>
    </message>
    <message>
        <source>Practice network</source>
        <translation>Übungsnetz</translation>
    </message>
    <message>
        <source>Nym mainnet</source>
        <translation>Nym-Hauptnetz</translation>
    </message>
    <message>
        <source>Another one</source>
        <translation>Ein anderes</translation>
    </message>
    <message>
        <source>Address of its directory</source>
        <translation>Adresse seines Verzeichnisses</translation>
    </message>
    <message>
        <source>The operator of the directory decides which nodes there are. Use one that you trust.</source>
        <translation>Wer das Verzeichnis betreibt, sagt, welche Knoten es gibt. Nehmen Sie eines, dem Sie vertrauen.</translation>
    </message>
    <message>
        <source>Fingerprint of its certificate (optional)</source>
        <translation>Fingerabdruck seines Zertifikats (freiwillig)</translation>
    </message>
    <message>
        <source>If you were given one. The directory must then show exactly this certificate; no certificate authority counts.</source>
        <translation>Falls Sie einen bekommen haben: Das Verzeichnis muss dann genau dieses Zertifikat zeigen, wer auch immer dafür bürgt.</translation>
    </message>
    <message>
        <source>Proxy on the way to the gateway</source>
        <translation>Proxy auf dem Weg zum Gateway</translation>
    </message>
    <message>
        <source>Only if this computer reaches the Internet through a proxy. Leave it empty otherwise.</source>
        <translation>Nur, wenn dieser Rechner das Internet durch einen Proxy erreicht. Sonst leer lassen.</translation>
    </message>
    <message>
        <source>Name at this proxy</source>
        <translation>Name an diesem Proxy</translation>
    </message>
    <message>
        <source>Password at this proxy</source>
        <translation>Passwort an diesem Proxy</translation>
    </message>
    <message>
        <source>Upstream proxy</source>
        <translation>Vorgeschalteter Proxy</translation>
    </message>
    <message>
        <source>A whole mixnet on this computer, to try things out. It works like a real one, but hides nothing: everything leaves from here.</source>
        <translation>Ein ganzes Mixnetz auf diesem Rechner, zum Ausprobieren. Es arbeitet wie ein echtes, verbirgt aber nichts: Alles geht von hier aus.</translation>
    </message>
    <message>
        <source>The public mixnet. Name at least one exit that you may use, or let the directory decide.</source>
        <translation>Das öffentliche Mixnetz. Nennen Sie mindestens einen Ausgang, den Sie benutzen dürfen, oder lassen Sie das Verzeichnis entscheiden.</translation>
    </message>
    <message>
        <source>A mixnet of your own, or of people you know.</source>
        <translation>Ein eigenes Mixnetz, oder eines von Leuten, die Sie kennen.</translation>
    </message>
    <message>
        <source>Port</source>
        <translation>Port</translation>
    </message>
    <message>
        <source>Address</source>
        <translation>Adresse</translation>
    </message>
    <message>
        <source>127.0.0.1 means this computer only.</source>
        <translation>127.0.0.1 ist dieser Rechner allein.</translation>
    </message>
    <message>
        <source>Where programs find the proxy</source>
        <translation>Wo Programme den Proxy finden</translation>
    </message>
    <message>
        <source>Password</source>
        <translation>Passwort</translation>
    </message>
    <message>
        <source>Programs must send it, with any user name. Leave it empty for none.</source>
        <translation>Programme müssen es nennen, mit beliebigem Namen. Leer: keines.</translation>
    </message>
    <message>
        <source>Let other computers use it</source>
        <translation>Andere Rechner dürfen ihn benutzen</translation>
    </message>
    <message>
        <source>Needs a password. Your network can read what they send to this port.</source>
        <translation>Braucht ein Passwort. Was sie an diesen Port senden, ist in Ihrem Netz lesbar.</translation>
    </message>
    <message>
        <source>Who may use it</source>
        <translation>Wer ihn benutzen darf</translation>
    </message>
    <message>
        <source>Tell programs at once that they are connected</source>
        <translation>Programmen sofort sagen, dass sie verbunden sind</translation>
    </message>
    <message>
        <source>Saves a round trip, and hides from them why a connection fails.</source>
        <translation>Spart einen Hin- und Rückweg und verbirgt ihnen, warum eine Verbindung scheitert.</translation>
    </message>
    <message>
        <source>Answers</source>
        <translation>Antworten</translation>
    </message>
    <message>
        <source>Set a password first: without one, anybody near you could use the proxy.</source>
        <translation>Setzen Sie zuerst ein Passwort: Ohne könnte jeder in Ihrer Nähe den Proxy benutzen.</translation>
    </message>
    <message>
        <source>Another program uses port {port}.</source>
        <translation>Ein anderes Programm benutzt Port {port}.</translation>
    </message>
    <message>
        <source>Start at login</source>
        <translation>Beim Anmelden starten</translation>
    </message>
    <message>
        <source>Start in the tray</source>
        <translation>Im Infobereich starten</translation>
    </message>
    <message>
        <source>At login, without a window.</source>
        <translation>Beim Anmelden, ohne Fenster.</translation>
    </message>
    <message>
        <source>Start</source>
        <translation>Start</translation>
    </message>
    <message>
        <source>Connect</source>
        <translation>Verbinden</translation>
    </message>
    <message>
        <source>Connect when the program starts</source>
        <translation>Beim Programmstart verbinden</translation>
    </message>
    <message>
        <source>Steady traffic hides best when it is always there.</source>
        <translation>Gleichmäßiger Verkehr verbirgt am besten, wenn er immer da ist.</translation>
    </message>
    <message>
        <source>Stay connected</source>
        <translation>Verbunden bleiben</translation>
    </message>
    <message>
        <source>Only when a program asks</source>
        <translation>Nur wenn ein Programm fragt</translation>
    </message>
    <message>
        <source>Stay in the tray when the window is closed</source>
        <translation>Im Infobereich bleiben, wenn das Fenster zugeht</translation>
    </message>
    <message>
        <source>Where the desktop has no tray, closing the window quits.</source>
        <translation>Wo der Desktop keinen hat, beendet das Schließen das Programm.</translation>
    </message>
    <message>
        <source>Keep cover traffic while in the tray</source>
        <translation>Deckverkehr im Infobereich behalten</translation>
    </message>
    <message>
        <source>Off: after some minutes without use, NymConnect leaves the mixnet until a program asks. That saves data, but your line then shows when you use it.</source>
        <translation>Aus: Nach einigen Minuten ohne Gebrauch wird das Mixnetz verlassen, bis ein Programm fragt. Das spart Daten und zeigt auf Ihrer Leitung, wann Sie es benutzen.</translation>
    </message>
    <message>
        <source>Tray</source>
        <translation>Infobereich</translation>
    </message>
    <message>
        <source>When connected</source>
        <translation>Wenn verbunden</translation>
    </message>
    <message>
        <source>When the connection is lost or fails</source>
        <translation>Wenn die Verbindung verloren geht oder scheitert</translation>
    </message>
    <message>
        <source>When somebody drops packets</source>
        <translation>Wenn jemand Pakete verwirft</translation>
    </message>
    <message>
        <source>Notifications</source>
        <translation>Benachrichtigungen</translation>
    </message>
    <message>
        <source>Cover traffic flows as long as the program is connected.</source>
        <translation>Deckverkehr fließt, solange das Programm verbunden ist.</translation>
    </message>
    <message>
        <source>NymConnect leaves the mixnet after {minutes} minutes without use. Your line shows when you use it.</source>
        <translation>Das Mixnetz wird nach {minutes} Minuten ohne Gebrauch verlassen. Ihre Leitung zeigt, wann Sie es benutzen.</translation>
    </message>
    <message>
        <source>Read the log</source>
        <translation>Das Protokoll lesen</translation>
    </message>
    <message>
        <source>The log is kept in memory only, and is gone when the program ends.</source>
        <translation>Das Protokoll steht nur im Arbeitsspeicher und ist weg, wenn das Programm endet.</translation>
    </message>
</context>
<context>
    <name>State</name>
    <message>
        <source>Disconnected</source>
        <translation>Getrennt</translation>
    </message>
    <message>
        <source>Waiting</source>
        <translation>Wartet</translation>
    </message>
    <message>
        <source>Connecting…</source>
        <translation>Verbindet …</translation>
    </message>
    <message>
        <source>Connected</source>
        <translation>Verbunden</translation>
    </message>
    <message>
        <source>Disconnecting…</source>
        <translation>Trennt …</translation>
    </message>
    <message>
        <source>Failed</source>
        <translation>Gescheitert</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>Noch einmal</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
    <message>
        <source>Connect</source>
        <translation>Verbinden</translation>
    </message>
    <message>
        <source>Disconnect</source>
        <translation>Trennen</translation>
    </message>
    <message>
        <source>Nothing uses the mixnet. The proxy is closed: programs set up for it stay offline.</source>
        <translation>Nichts benutzt das Mixnetz. Der Proxy ist zu: Dafür eingerichtete Programme bleiben offline.</translation>
    </message>
    <message>
        <source>NymConnect stays out of the mixnet until a program asks. The request then waits for the connection.</source>
        <translation>Das Mixnetz bleibt in Ruhe, bis ein Programm fragt. Dessen Anfrage wartet dann.</translation>
    </message>
    <message>
        <source>The last attempt failed: {reason}</source>
        <translation>Der letzte Versuch ist gescheitert: {reason}</translation>
    </message>
    <message>
        <source>The proxy refuses connections until it is ready.</source>
        <translation>Der Proxy lehnt Verbindungen ab, bis es so weit ist.</translation>
    </message>
    <message>
        <source>Leaving the mixnet. The proxy refuses connections.</source>
        <translation>Das Mixnetz wird verlassen. Der Proxy lehnt Verbindungen ab.</translation>
    </message>
    <message>
        <source>Another program already uses {address}. End it, or take another port.</source>
        <translation>Ein anderes Programm benutzt {address} schon. Beenden Sie es, oder nehmen Sie einen anderen Port.</translation>
    </message>
    <message>
        <source>The proxy refuses connections: nothing goes around the mixnet.</source>
        <translation>Der Proxy lehnt Verbindungen ab: Nichts geht am Mixnetz vorbei.</translation>
    </message>
    <message>
        <source>Practice network on this computer: it works like a real one, but gives you no anonymity.</source>
        <translation>Übungsnetz auf diesem Rechner: Es arbeitet wie ein echtes, gibt Ihnen aber keine Anonymität.</translation>
    </message>
    <message>
        <source>This preset is for trying things out: its delays are too short to hide who you talk to.</source>
        <translation>Diese Stufe ist zum Ausprobieren: Ihre Verzögerungen sind zu kurz, um zu verbergen, mit wem Sie sprechen.</translation>
    </message>
    <message>
        <source>What you send follows your data: anybody who watches your line sees when you are busy.</source>
        <translation>Was Sie senden, folgt Ihren Daten: Wer Ihre Leitung beobachtet, sieht, wann Sie tätig sind.</translation>
    </message>
    <message>
        <source>Your line always carries the same traffic: nobody who watches it can see whether you use it.</source>
        <translation>Ihre Leitung trägt immer denselben Verkehr: Wer sie beobachtet, sieht nicht, ob Sie sie benutzen.</translation>
    </message>
    <message>
        <source>What you send hides in steady traffic. What you receive does not: anybody who watches your line sees when you download, and how much.</source>
        <translation>Was Sie senden, verbirgt sich in gleichmäßigem Verkehr. Was Sie empfangen, nicht: Wer Ihre Leitung beobachtet, sieht, wann und wie viel Sie herunterladen.</translation>
    </message>
    <message>
        <source>Practice network</source>
        <translation>Übungsnetz</translation>
    </message>
    <message>
        <source>Nym mainnet</source>
        <translation>Nym-Hauptnetz</translation>
    </message>
    <message>
        <source>Automatic</source>
        <translation>Automatisch</translation>
    </message>
</context>
<context>
    <name>Texts</name>
    <message>
        <source>Copied.</source>
        <translation>Kopiert.</translation>
    </message>
    <message>
        <source>Save as</source>
        <translation>Speichern unter</translation>
    </message>
    <message>
        <source>Saved as {file}.</source>
        <translation>Gespeichert als {file}.</translation>
    </message>
</context>
<context>
    <name>Tray</name>
    <message>
        <source>Copy proxy address</source>
        <translation>Proxy-Adresse kopieren</translation>
    </message>
    <message>
        <source>Preset</source>
        <translation>Stufe</translation>
    </message>
    <message>
        <source>Show window</source>
        <translation>Fenster zeigen</translation>
    </message>
    <message>
        <source>Quit</source>
        <translation>Beenden</translation>
    </message>
    <message>
        <source>Preset (from the next connection on)</source>
        <translation>Stufe (ab der nächsten Verbindung)</translation>
    </message>
    <message>
        <source>Connection lost</source>
        <translation>Verbindung verloren</translation>
    </message>
    <message>
        <source>Warning</source>
        <translation>Warnung</translation>
    </message>
    <message>
        <source>Gateway {name}</source>
        <translation>Gateway {name}</translation>
    </message>
    <message>
        <source>Since {time}</source>
        <translation>Seit {time}</translation>
    </message>
</context>
</TS>
