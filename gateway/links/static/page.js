// The token stands behind the #; it leaves the address bar and the history before anything else happens.
const token = new URLSearchParams(location.hash.slice(1)).get("token");
history.replaceState(null, "", location.pathname + location.search);

const form = document.querySelector("form");
const answer = document.getElementById("answer");

function say(text, isBad) {
  answer.textContent = text;
  answer.className = isBad ? "bad" : "";
}

async function post(path, body, access) {
  const headers = { "Content-Type": "application/json" };
  if (access) headers.Authorization = `Bearer ${access}`;
  // A page acts for whoever is signed in only where that is what it is for.
  const credentials = "session" in form.dataset ? "same-origin" : "omit";
  const options = { method: "POST", headers, body: JSON.stringify(body), credentials };
  const response = await fetch(path, access ? { ...options, body: undefined } : options);
  const content = response.status === 204 ? {} : await response.json();
  return { isGood: response.ok, content };
}

// In the language of the page, as far as it knows the code; else as the API puts it.
function explain(problem) {
  const known = JSON.parse(form.dataset.problems);
  const usual = { 429: known.rate_limited, 503: known.unavailable }[problem.status];
  return known[problem.code] || usual || problem.detail;
}

async function submit(event) {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  say("", false);
  try {
    const body = { token, ...Object.fromEntries(new FormData(form)) };
    const { isGood, content } = await post(form.dataset.action, body);
    if (!isGood) return say(explain(content), true);
    // A page that keeps nothing has no use for the session that it was given.
    if (content.access_token) await post("/api/v1/auth/logout", {}, content.access_token);
    form.hidden = true;
    say(form.dataset.done, false);
  } catch {
    say(form.dataset.unreachable, true);
  } finally {
    button.disabled = false;
  }
}

if (form && token) {
  form.addEventListener("submit", submit);
} else if (form) {
  form.hidden = true;
  say(form.dataset.incomplete, true);
}
