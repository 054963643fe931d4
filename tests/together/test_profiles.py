"""What its owner says of himself is heard by whoever writes to him."""

from tests.together.conftest import Doorward
from tests.together.test_journey import AUTH, EMAIL, ME, bearer, post, sign_up


async def test_next_mail_greets_in_the_new_name_and_language(doorward: Doorward) -> None:
    pair = await sign_up(doorward)
    doorward.work()
    changed = await doorward.client.patch(
        ME, headers=bearer(pair["access_token"]), json={"locale": "De-at", "name": "Neue Ada"}
    )
    assert changed.status_code == 200
    doorward.work()

    await post(doorward, f"{AUTH}/password/forgot", 202, json={"email": EMAIL})
    doorward.work()

    mail = doorward.sender.newest_to(EMAIL)
    assert "Neue Ada" in mail.text
    assert "Passwort" in mail.subject
