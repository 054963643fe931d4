// The page of the mailbox: a list that follows what comes in, and a reading pane.
"use strict";

const POLL_MILLISECONDS = 1000;
const SHOWN_MAILS = 200;
const byId = (id) => document.getElementById(id);
const state = { mails: [], chosen: null, view: "html", revision: "" };

async function refresh() {
  const headers = { "If-None-Match": state.revision };
  const response = await fetch(`/api/messages?limit=${SHOWN_MAILS}`, { headers });
  if (response.status === 304 || !response.ok) return;
  state.revision = response.headers.get("ETag");
  const mails = await response.json();
  state.mails = mails;
  if (!mails.some((mail) => mail.id === state.chosen)) state.chosen = mails.length ? mails[0].id : null;
  showList();
  showMail();
}

function showList() {
  const words = byId("search").value.trim().toLowerCase();
  const mails = state.mails.filter((mail) => `${mail.to} ${mail.subject}`.toLowerCase().includes(words));
  byId("count").textContent = mails.length === 1 ? "1 mail" : `${mails.length} mails`;
  byId("list").replaceChildren(...mails.map(listEntry));
}

function listEntry(mail) {
  const button = document.createElement("button");
  button.type = "button";
  button.setAttribute("aria-current", String(mail.id === state.chosen));
  button.append(element("strong", mail.subject || "(no subject)"), element("span", mail.to.join(", ")));
  button.append(element("span", new Date(mail.received_at).toLocaleTimeString()));
  button.addEventListener("click", () => choose(mail.id));
  const item = document.createElement("li");
  item.append(button);
  return item;
}

function choose(id) {
  state.chosen = id;
  showList();
  showMail();
}

function showMail() {
  const mail = state.mails.find((candidate) => candidate.id === state.chosen);
  byId("hint").hidden = Boolean(mail);
  byId("reader").hidden = !mail;
  if (!mail) return;
  byId("subject").textContent = mail.subject || "(no subject)";
  byId("from").textContent = mail.from || "(empty)";
  byId("to").textContent = mail.to.join(", ");
  byId("received").textContent = new Date(mail.received_at).toLocaleString();
  byId("raw").href = `/api/messages/${mail.id}/raw`;
  byId("text").textContent = mail.text ?? "This mail has no text part.";
  byId("headers").tBodies[0].replaceChildren(...Object.entries(mail.headers).map(headerRow));
  const frame = byId("html");
  const address = mail.html === null ? "about:blank" : `/messages/${mail.id}/html`;
  if (frame.getAttribute("src") !== address) frame.setAttribute("src", address);
  showView(mail.html === null && state.view === "html" ? "text" : state.view);
}

function showView(view) {
  for (const id of ["html", "text", "headers"]) byId(id).hidden = id !== view;
  for (const button of document.querySelectorAll("[data-view]")) {
    button.setAttribute("aria-pressed", String(button.dataset.view === view));
  }
}

function headerRow([name, value]) {
  const row = document.createElement("tr");
  row.append(element("th", name), element("td", value));
  return row;
}

function element(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

async function clearAll() {
  await fetch("/api/messages", { method: "DELETE" });
  state.revision = "";
  await refresh();
}

async function follow() {
  try {
    await refresh();
  } catch {
    byId("count").textContent = "The mailbox does not answer; trying again.";
    state.revision = "";
  }
  setTimeout(follow, POLL_MILLISECONDS);
}

for (const button of document.querySelectorAll("[data-view]")) {
  button.addEventListener("click", () => {
    state.view = button.dataset.view;
    showMail();
  });
}
byId("search").addEventListener("input", showList);
byId("clear").addEventListener("click", clearAll);
follow();
