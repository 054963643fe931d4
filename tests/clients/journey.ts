// The README's journey by a generated client: compiled strictly, then run.
import createClient from "openapi-fetch";
import type { paths } from "./openapi.js";

declare const process: { env: Record<string, string | undefined> };

function needed<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`no ${what}`);
  return value;
}

// Without `Token-Delivery: cookie` the tokens are in the body.
function tokens<T extends object>(answer: T | undefined): Extract<T, { access_token: string }> {
  if (answer === undefined || !("access_token" in answer)) throw new Error("no tokens");
  return answer as Extract<T, { access_token: string }>;
}

const baseUrl = needed(process.env["DOORWARD_URL"], "DOORWARD_URL");
const mailboxUrl = needed(process.env["MAILBOX_URL"], "MAILBOX_URL");
const client = createClient<paths>({ baseUrl });
const email = `${crypto.randomUUID()}@example.com`;
const password = "correct horse battery staple 17";

const registered = await client.POST("/api/v1/auth/register", { body: { email, password, name: "Ada", locale: "de" } });
const status: string = needed(registered.data, "registration").status;

type Mail = { text: string };
let code: string | undefined;
while (code === undefined) {
  const mails = (await (await fetch(`${mailboxUrl}/api/messages?to=${encodeURIComponent(email)}`)).json()) as Mail[];
  code = mails[0]?.text.match(/^\s*(\d{6})\s*$/m)?.[1];
}

const refused = await client.POST("/api/v1/auth/login", { body: { email, password: "wrong" } });
const refusal: string | undefined = refused.error?.code;

const verified = await client.POST("/api/v1/auth/verify-email", { body: { email, code } });
const pair = tokens(verified.data);
const headers = { Authorization: `Bearer ${pair.access_token}` };

const before = needed((await client.GET("/api/v1/users/me", { headers })).data, "profile");
const patched = await client.PATCH("/api/v1/users/me", { headers, body: { timezone: "Europe/London" } });
const timezone: string = needed(patched.data, "changed profile").timezone;

const refreshed = await client.POST("/api/v1/auth/refresh", { body: { refresh_token: pair.refresh_token } });
const next = tokens(refreshed.data);
const signedOut = await client.POST("/api/v1/auth/logout", { headers: { Authorization: `Bearer ${next.access_token}` } });

console.log(JSON.stringify({ status, refusal, locale: before.locale, timezone, signedOut: signedOut.response.status }));
