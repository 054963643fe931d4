// The token stands behind the #; it leaves the address bar and the history before anything else happens.
const token = new URLSearchParams(location.hash.slice(1)).get("token");
history.replaceState(null, "", location.pathname);

const form = document.querySelector("form");
const answer = document.getElementById("answer");

function say(text, isBad) {
  answer.textContent = text;
  answer.className = isBad ? "bad" : "";
}

async function post(path, body, access) {
  const headers = { "Content-Type": "application/json" };
  if (access) headers.Authorization = `Bearer ${access}`;
  const options = { method: "POST", headers, body: JSON.stringify(body), credentials: "omit" };
  const response = await fetch(path, access ? { ...options, body: undefined } : options);
  const content = response.status === 204 ? {} : await response.json();
  return { isGood: response.ok, content };
}

function mistakes(problem) {
  const details = (problem.errors || []).map((error) => error.detail);
  return [problem.detail, ...details].join(" ");
}

async function submit(event) {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  say("", false);
  try {
    const body = { token, ...Object.fromEntries(new FormData(form)) };
    const { isGood, content } = await post(form.dataset.action, body);
    if (!isGood) return say(mistakes(content), true);
    // A page that keeps nothing has no use for the session that it was given.
    if (content.access_token) await post("/api/v1/auth/logout", {}, content.access_token);
    form.hidden = true;
    say(form.dataset.done, false);
  } catch {
    say("That did not go through. Check your connection and try again.", true);
  } finally {
    button.disabled = false;
  }
}

if (form && token) {
  form.addEventListener("submit", submit);
} else if (form) {
  form.hidden = true;
  say("This link is not complete. Open it from the mail again.", true);
}
