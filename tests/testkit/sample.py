"""A team's own tests: a real Doorward, and nothing of its repository in the environment."""

import sys

import httpx


def test_roles_are_in_the_profile_that_an_administrator_reads(doorward, doorward_account, doorward_admin):
    editor = doorward_account(roles=["editor"], name="Ada")

    url = f"{doorward.gateway_url}/api/v1/users/{editor.id}"
    profile = httpx.get(url, headers=doorward_admin.headers).json()

    assert (profile["email"], profile["name"], profile["roles"]) == (editor.email, "Ada", ["editor"])
    assert httpx.get(url, headers=editor.headers).status_code == 200


def test_a_forgotten_password_is_reset_by_mail(doorward, doorward_account, doorward_mailbox):
    ada = doorward_account()
    auth = f"{doorward.gateway_url}/api/v1/auth"
    doorward_mailbox.clear()

    httpx.post(f"{auth}/password/forgot", json={"email": ada.email}).raise_for_status()
    code = doorward_mailbox.code_for(ada.email)
    body = {"email": ada.email, "code": code, "password": "another good long passphrase"}

    assert httpx.post(f"{auth}/password/reset", json=body).status_code == 204


def test_neither_a_limit_nor_an_unverified_account_gets_in(doorward, doorward_account):
    body = {"email": doorward_account(verified=False).email, "password": "wrong"}

    answers = [httpx.post(f"{doorward.gateway_url}/api/v1/auth/login", json=body) for _ in range(12)]

    assert {answer.status_code for answer in answers} == {401}


def test_nothing_of_the_repository_is_here():
    assert not {"gateway", "services", "shared", "deploy", "flask"} & sys.modules.keys()
