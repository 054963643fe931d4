// fastify with its own plug-ins, as its documentation puts them together.
import Fastify from "fastify";
import cors from "@fastify/cors";
import jwt from "@fastify/jwt";
import proxy from "@fastify/http-proxy";
import rateLimit from "@fastify/rate-limit";
import Redis from "ioredis";

const app = Fastify();
await app.register(cors, { origin: ["https://app.example.org"], credentials: true, preflight: false });
await app.register(rateLimit, {
  max: 1000000,
  timeWindow: "1 minute",
  redis: new Redis(process.env.REDIS_URL),
});
await app.register(jwt, {
  secret: process.env.SECRET,
  verify: { allowedAud: "doorward", allowedIss: "doorward", cache: true },
});
await app.register(proxy, {
  upstream: process.env.UPSTREAM,
  httpMethods: ["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"],
  preHandler: async (request) => request.jwtVerify(),
});
await app.listen({ port: Number(process.env.PORT), host: "127.0.0.1" });
