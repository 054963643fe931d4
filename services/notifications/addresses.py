"""Addresses as mail goes to them: what stands before the @ as its owner writes it, the domain in ASCII."""

from email_validator import EmailNotValidError, validate_email


def deliverable(text: str) -> str:
    """``text`` as SMTP takes it (domain by IDNA 2008); raises ValueError where it is no address."""
    # Whether a domain exists is the mail server's to say; `.test` is what people try things out with.
    try:
        checked = validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise ValueError("This is not an e-mail address.") from error
    return f"{checked.local_part}@{checked.ascii_domain}"


def from_service(text: str) -> str:
    """``text`` as SMTP takes it, or as it is: it then fails when it is sent, and the timeline says why."""
    try:
        return deliverable(text)
    except ValueError:
        return text


def key_of(address: str) -> str:
    """What an address is found and counted by: case does not make another owner, in practice."""
    return address.casefold()
