// The switches that make the mailbox a bad mail server, by listener.
"use strict";

const faults = document.getElementById("switches");
const MOMENTS = ["", "connect", "mail", "rcpt", "data", "after_data"];

for (const select of faults.querySelectorAll("[data-moments]")) {
  select.replaceChildren(...MOMENTS.map((moment) => new Option(moment || "never", moment)));
}

function address() {
  return `/api/servers/${document.getElementById("server").value}/chaos`;
}

function tell(text) {
  document.getElementById("outcome").textContent = text;
}

// What is left empty is left out: the mailbox knows its defaults.
function wanted() {
  const values = {};
  for (const field of faults.querySelectorAll("[name]")) {
    if (field.type === "checkbox") values[field.name] = field.checked;
    else if (field.value.trim() !== "") values[field.name] = field.type === "number" ? Number(field.value) : field.value.trim();
  }
  if (!values.reject_at) delete values.reject_rate;
  if (!values.delay_at) delete values.delay_seconds;
  return values;
}

function show(switches) {
  for (const field of faults.querySelectorAll("[name]")) {
    const value = switches[field.name];
    if (field.type === "checkbox") field.checked = value;
    else field.value = value ?? "";
  }
  // What is off shows what it would be like, once it is chosen.
  const { reject_at: refusing, reject_rate: share, delay_at: delaying, delay_seconds: seconds } = faults.elements;
  if (!switches.reject_rate) [refusing.value, share.value] = ["", 1];
  if (!switches.delay_seconds) [delaying.value, seconds.value] = ["", 5];
}

async function load() {
  const response = await fetch(address());
  show(await response.json());
  tell("");
}

async function openFaults() {
  const servers = await (await fetch("/api/servers")).json();
  const select = document.getElementById("server");
  select.replaceChildren(...servers.map((server) => new Option(`port ${server.port}`, server.port)));
  await load();
}

faults.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = JSON.stringify(wanted());
  const response = await fetch(address(), { method: "PUT", headers: { "Content-Type": "application/json" }, body });
  const answer = await response.json();
  if (response.ok) show(answer);
  tell(response.ok ? "Applied." : answer.errors.map((mistake) => `${mistake.pointer.slice(1)}: ${mistake.detail}`).join(" "));
});
document.getElementById("mend").addEventListener("click", async () => {
  await fetch(address(), { method: "DELETE" });
  await load();
  tell("The server behaves.");
});
document.getElementById("server").addEventListener("change", load);
document.getElementById("faults").addEventListener("click", async (event) => {
  // What is shown can be changed: so it is read before.
  if (faults.hidden) await openFaults();
  faults.hidden = !faults.hidden;
  event.target.setAttribute("aria-expanded", String(!faults.hidden));
});
