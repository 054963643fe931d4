// better-auth on node as production has it: one process a worker, a pool of connections in each.
// `node better_auth_site.mjs prepare` fills the tables and prints what the clients begin with, as JSON.
import cluster from "node:cluster";
import http from "node:http";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import pg from "pg";

const env = process.env;
const pool = new pg.Pool({
  host: env.BENCH_DB_HOST,
  port: Number(env.BENCH_DB_PORT),
  database: env.BENCH_DB_NAME,
  user: env.BENCH_DB_USER,
  password: env.BENCH_DB_PASSWORD,
  max: Number(env.BENCH_CONNECTIONS),
});

const configure = (updateAge) => ({
  baseURL: "http://127.0.0.1",
  secret: "only-for-the-benchmark-0123456789-0123456789",
  database: pool,
  emailAndPassword: { enabled: true },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  logger: { disabled: true },
  session: { updateAge },
});
// Its sessions have no refresh tokens. The nearest to a refresh is a use that prolongs the session,
// which updateAge makes of every use; by default it is once a day.
const reading = betterAuth(configure(86400));
const renewing = betterAuth({ ...configure(0), basePath: "/renewing" });

const FILL = [
  `INSERT INTO "user" (id, name, email, "emailVerified", "createdAt", "updatedAt")
   SELECT 'filler' || n, 'Ada', 'user' || n || '@example.org', true, now(), now() FROM generate_series(1, $1::int) AS n`,
  `INSERT INTO account (id, "accountId", "providerId", "userId", password, "createdAt", "updatedAt")
   SELECT id, id, 'credential', id, repeat('x', 161), now(), now() FROM "user" WHERE id LIKE 'filler%'`,
  `INSERT INTO session (id, "expiresAt", token, "createdAt", "updatedAt", "ipAddress", "userAgent", "userId")
   SELECT id, now() + interval '7 days', md5(id), now(), now(), '', '', id FROM "user" WHERE id LIKE 'filler%'`,
];

async function prepare() {
  await (await getMigrations(configure(86400))).runMigrations();
  await pool.query(FILL[0], [Number(env.BENCH_ACCOUNTS)]);
  await pool.query(FILL[1]);
  await pool.query(FILL[2]);
  await pool.query("ANALYZE");
  const cookies = [];
  for (let number = 0; number < Number(env.BENCH_CLIENTS); number++) {
    const body = { name: "Ada", email: `client${number}@example.org`, password: "plum-harbour-93-kettle" };
    const answer = await reading.api.signUpEmail({ body, asResponse: true });
    cookies.push(answer.headers.get("set-cookie").split(";")[0]);
  }
  const addresses = cookies.map((_, number) => `client${number}@example.org`);
  console.log(JSON.stringify({ renew: cookies, session: cookies, "sign in": addresses }));
  await pool.end();
}

function serve() {
  const read = toNodeHandler(reading);
  const renew = toNodeHandler(renewing);
  http
    .createServer((request, response) =>
      request.url.startsWith("/renewing") ? renew(request, response) : read(request, response),
    )
    .listen(Number(env.BENCH_PORT), "127.0.0.1");
}

if (process.argv[2] === "prepare") {
  await prepare();
} else if (cluster.isPrimary) {
  for (let worker = 0; worker < Number(env.BENCH_WORKERS); worker++) cluster.fork();
  process.on("SIGTERM", () => process.exit(0));
} else {
  serve();
}
