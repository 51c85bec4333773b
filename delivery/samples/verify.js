// A receiver that takes nothing but what was signed with its secret. Only Node itself is needed.
const crypto = require("node:crypto");
const http = require("node:http");

const SECRET = process.env.WEBHOOK_SECRET ?? ""; // whsec_…, kept out of the code
const KEY = Buffer.from(SECRET.replace(/^whsec_/, ""), "base64");
if (KEY.length < 24) throw new Error("Set WEBHOOK_SECRET."); // with no key anybody could sign
const TOLERANCE = 5 * 60; // seconds that a request may take, and our clocks may differ

// headers: names in small letters. body: a Buffer, as it came (in Express: express.raw({ type: "*/*" })).
function isGenuine(headers, body) {
  const timestamp = headers["webhook-timestamp"] ?? "";
  const age = Date.now() / 1000 - Number(timestamp);
  if (!(Math.abs(age) <= TOLERANCE)) return false; // also if it is no number
  const said = Buffer.concat([Buffer.from(`${headers["webhook-id"]}.${timestamp}.`), body]);
  const expected = Buffer.from("v1," + crypto.createHmac("sha256", KEY).update(said).digest("base64"));
  return (headers["webhook-signature"] ?? "").split(" ").some((text) => {
    const given = Buffer.from(text);
    return given.length === expected.length && crypto.timingSafeEqual(given, expected);
  });
}

http
  .createServer((request, response) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
      const body = Buffer.concat(parts);
      // If it is genuine and its webhook-id was here before, it is a repeat: answer 204 and do nothing.
      response.writeHead(isGenuine(request.headers, body) ? 204 : 401).end();
    });
  })
  .listen(Number(process.env.PORT ?? 8001), "127.0.0.1");
