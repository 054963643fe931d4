"""A team's own tests: a real Doorward, and nothing of its repository in the environment."""

import sys

import httpx


def test_the_owner_of_an_account_reads_the_profile(doorward, doorward_account):
    ada = doorward_account(name="Ada")

    answer = httpx.get(f"{doorward.gateway_url}/api/v1/users/me", headers=ada.headers)

    assert answer.status_code == 200
    assert (answer.json()["id"], answer.json()["email"], answer.json()["name"]) == (ada.id, ada.email, "Ada")


def test_roles_are_in_the_token(doorward, doorward_account, doorward_admin):
    editor = doorward_account(roles=["editor"])

    url = f"{doorward.gateway_url}/api/v1/users/{editor.id}"
    profile = httpx.get(url, headers=doorward_admin.headers).json()

    assert profile["roles"] == ["editor"]
    assert httpx.get(url, headers=editor.headers).status_code == 200


def test_an_address_that_is_not_verified_cannot_sign_in(doorward, doorward_account):
    eve = doorward_account(verified=False)

    body = {"email": eve.email, "password": eve.password}
    answer = httpx.post(f"{doorward.gateway_url}/api/v1/auth/login", json=body)

    assert answer.status_code in {401, 403}


def test_a_forgotten_password_is_reset_by_mail(doorward, doorward_account, doorward_mailbox):
    ada = doorward_account()
    auth = f"{doorward.gateway_url}/api/v1/auth"
    doorward_mailbox.clear()

    httpx.post(f"{auth}/password/forgot", json={"email": ada.email}).raise_for_status()
    code = doorward_mailbox.code_for(ada.email)
    body = {"email": ada.email, "code": code, "password": "another good long passphrase"}

    assert httpx.post(f"{auth}/password/reset", json=body).status_code == 204


def test_no_limit_is_in_the_way(doorward, doorward_account):
    ada = doorward_account()
    body = {"email": ada.email, "password": "wrong"}

    answers = [httpx.post(f"{doorward.gateway_url}/api/v1/auth/login", json=body) for _ in range(12)]

    assert {answer.status_code for answer in answers} == {401}


def test_nothing_of_the_repository_is_here():
    assert not {"gateway", "services", "shared", "deploy", "flask"} & sys.modules.keys()
