"""Words that mails put in for what other services and callers say, in each language; pure.

Words of our own only: whoever causes a mail may choose a name or a User-Agent, and would else write into the
mails that warn of him.
"""

from collections.abc import Mapping

from shared.chassis import names

LANGUAGES = ("en", "de", "es", "fr")
_GREETINGS: Mapping[str, str] = {"en": "Hello", "de": "Guten Tag", "es": "Hola", "fr": "Bonjour"}
HELP: Mapping[str, str] = {
    "en": "Questions? Contact us:",
    "de": "Haben Sie Fragen? Schreiben Sie uns:",
    "es": "¿Tiene alguna pregunta? Escríbanos:",
    "fr": "Des questions ? Contactez-nous :",
}
UNKNOWN_DEVICE: Mapping[str, str] = {
    "en": "unknown",
    "de": "unbekannt",
    "es": "desconocido",
    "fr": "inconnu",
}
_CHANGES: Mapping[str, Mapping[str, str]] = {
    "totp_enabled": {
        "en": "an authenticator app was set up",
        "de": "eine Authentifizierungs-App wurde eingerichtet",
        "es": "se ha configurado una aplicación de autenticación",
        "fr": "une application d’authentification a été configurée",
    },
    "totp_removed": {
        "en": "the authenticator app was removed",
        "de": "die Authentifizierungs-App wurde entfernt",
        "es": "se ha eliminado la aplicación de autenticación",
        "fr": "l’application d’authentification a été supprimée",
    },
    "recovery_codes_renewed": {
        "en": "the recovery codes were renewed",
        "de": "die Wiederherstellungscodes wurden erneuert",
        "es": "se han renovado los códigos de recuperación",
        "fr": "les codes de récupération ont été renouvelés",
    },
    "passkey_added": {
        "en": "a passkey was added",
        "de": "ein Passkey wurde hinzugefügt",
        "es": "se ha añadido una llave de acceso",
        "fr": "une clé d’accès a été ajoutée",
    },
    "passkey_removed": {
        "en": "a passkey was removed",
        "de": "ein Passkey wurde entfernt",
        "es": "se ha eliminado una llave de acceso",
        "fr": "une clé d’accès a été supprimée",
    },
    "mfa_reset": {
        "en": "an administrator removed them",
        "de": "ein Administrator hat sie entfernt",
        "es": "un administrador los ha eliminado",
        "fr": "un administrateur les a supprimés",
    },
}
# The release before says what changed in English; a key says it in each language.
_KEYS = {texts["en"]: key for key, texts in _CHANGES.items()}


def greeting(name: str | None, language: str) -> str:
    """``Hello Ada,``, where the name can be no message of a stranger's; else ``Hello,``."""
    words = [_GREETINGS[language], names.greeting(name)]
    return f"{' '.join(word for word in words if word)},"


def change(said: str, language: str) -> str:
    """What changed, by its key; nothing for what is no key."""
    return _CHANGES.get(_KEYS.get(said, said), {}).get(language, "")
