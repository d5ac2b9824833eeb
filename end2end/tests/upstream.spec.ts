// A content API elsewhere that changes, fails, hangs and goes away: readers keep their pages.
import { existsSync } from "node:fs";
import { assertFresh, assertMiss, assertStale, isFresh, untilRegenerated, untilStale } from "../support/cache-status";
import { type Server, expect, test } from "../support/server";

const PAGE = "/articles/rain";
/** In seconds. */
const PERIOD = 1;
const SHORT = { ISR_REVALIDATE: `/articles/:slug=${PERIOD}s; /=${PERIOD}s`, ISR_RENDER_TIMEOUT: "2s" };

async function assertShows(server: Server, path: string, text: string) {
  const answer = await server.request.get(path);
  expect(answer.status()).toBe(200);
  expect(await answer.text(), path).toContain(text);
  return answer;
}

test("changes appear on the second request, and what is gone becomes 404", async ({ standIn, start, settings }) => {
  const server = await start({ ...settings, ...SHORT, EDITOR_PASSWORD: "without effect" });
  const { request } = server;
  for (const path of [PAGE, "/"]) await assertShows(server, path, "About rain");

  standIn.change("rain", { title: "About drizzle" });
  for (const path of [PAGE, "/"]) {
    await untilStale(PERIOD);
    const old = await assertShows(server, path, "About rain");
    assertStale(old);
    await untilRegenerated(request, path, old);
    assertFresh(await assertShows(server, path, "About drizzle"));
  }

  standIn.remove("rain");
  await untilStale(PERIOD);
  const old = await assertShows(server, PAGE, "About drizzle");
  await untilRegenerated(request, PAGE, old);
  const gone = await request.get(PAGE);
  assertFresh(gone);
  expect(gone.status()).toBe(404);

  expect((await request.get("/editor")).status()).toBe(404);
  expect(existsSync(settings.CONTENT_DB), "no database is made").toBe(false);
});

const TROUBLES = ["fail", "hang", "malformed", "html", "half", "drip", { redirect: PAGE }, "down"] as const;

test("an API that fails, hangs, talks nonsense or is down takes no page away", async ({ standIn, start, settings }) => {
  test.setTimeout(120_000);
  const server = await start({ ...settings, ...SHORT });
  const { request } = server;
  let shown = "About rain";
  for (const trouble of TROUBLES) {
    const name = typeof trouble === "string" ? trouble : "redirect in a circle";
    await test.step(name, async () => {
      await assertShows(server, PAGE, shown);
      const before = server.failures(PAGE);
      standIn.change("rain", { title: `About rain after ${name}` });
      if (trouble === "down") await standIn.stop();
      else standIn.behave(PAGE, trouble);

      await untilStale(PERIOD);
      assertStale(await assertShows(server, PAGE, shown));
      await expect.poll(() => server.failures(PAGE), { intervals: [50] }).toBeGreaterThan(before);
      assertStale(await assertShows(server, PAGE, shown));

      if (trouble === "down") await standIn.start();
      else standIn.behave(PAGE, "well");
      shown = `About rain after ${name}`;
      // Fresh too: a request for a stale page would leave a render under way for the next step.
      const recovers = async () => {
        const answer = await request.get(PAGE);
        return isFresh(answer) && (await answer.text()).includes(shown);
      };
      await expect.poll(recovers, { message: "recovers", intervals: [100] }).toBe(true);
    });
  }
});

test("what is gone for good is 404 as what is missing is", async ({ standIn, start, settings }) => {
  const server = await start({ ...settings, ...SHORT });
  await assertShows(server, PAGE, "About rain");
  standIn.behave(PAGE, "gone");
  await expect.poll(async () => (await server.request.get(PAGE)).status(), { intervals: [100] }).toBe(404);
});

test("an entry that cannot be read keeps no other from the front page", async ({ standIn, start, settings }) => {
  const server = await start({ ...settings, ...SHORT });
  const { request } = server;
  await assertShows(server, "/", "About rain");
  standIn.change("snow", { title: null });
  standIn.change("wind", { title: "\ud800" });
  const shows = async (text: string) => {
    const answer = await request.get("/");
    return isFresh(answer) && (await answer.text()).includes(text);
  };
  for (const title of ["About drizzle", "About hail"]) {
    standIn.change("rain", { title });
    await expect.poll(() => shows(title), { message: title, intervals: [100] }).toBe(true);
  }
  const text = await (await request.get("/")).text();
  expect(text).not.toContain("About snow");
  const named = server.log.flatMap(({ fields }) => /`(.*)` cannot be read and is left out/.exec(String(fields.message)) ?? []);
  expect(named.filter((_, at) => at % 2 === 1).sort(), "each is named once").toEqual(["snow", "wind"]);
});

test("a limit of a day for one article leaves the others alone", async ({ standIn, start, settings }) => {
  const server = await start({ ...settings, ...SHORT });
  const { request } = server;
  for (const slug of ["rain", "snow"]) await assertShows(server, `/articles/${slug}`, `About ${slug}`);
  standIn.behave(PAGE, { limited: 86_400 });
  await untilStale(PERIOD);
  assertStale(await assertShows(server, PAGE, "About rain"));
  await expect.poll(() => server.failures(PAGE), { intervals: [50] }).toBe(1);

  standIn.change("snow", { title: "About sleet" });
  const text = async () => (await request.get("/articles/snow")).text();
  await expect.poll(text, { intervals: [100] }).toContain("About sleet");
  assertStale(await assertShows(server, PAGE, "About rain"));
});

test("a page catches up with an API that lags behind its change", async ({ standIn, start, settings }) => {
  const server = await start({ ...settings, ...SHORT });
  await assertShows(server, PAGE, "About rain");
  standIn.change("rain", { title: "About drizzle" });
  standIn.behave(PAGE, "lag");
  const asked = standIn.asked(PAGE);
  await untilStale(PERIOD);
  await assertShows(server, PAGE, "About rain");
  await expect.poll(() => standIn.asked(PAGE), { intervals: [50] }).toBeGreaterThan(asked);
  standIn.behave(PAGE, "well");
  const text = async () => (await server.request.get(PAGE)).text();
  await expect.poll(text, { intervals: [100] }).toContain("About drizzle");
});

test("a page that was never stored says that it is not available, and is tried again", async ({
  standIn,
  start,
  settings,
}) => {
  const { request } = await start({ ...settings, ...SHORT });
  standIn.behave("/articles/snow", "fail");
  const failed = await request.get("/articles/snow");
  assertMiss(failed);
  expect(failed.status()).toBe(502);
  expect(failed.headers()["cache-control"]).toBe("private, no-store");
  const text = await failed.text();
  expect(text).toContain("could not be loaded just now");
  expect(text, "causes and addresses stay in the log").not.toContain(standIn.url);

  standIn.behave("/articles/snow", "well");
  // The source that failed is left alone for a second at most.
  await expect.poll(async () => (await request.get("/articles/snow")).status()).toBe(200);
  expect(await (await request.get("/articles/snow")).text()).toContain("It is a day of snow.");
});

test("a slow API delays nobody who asks for a stored page", async ({ standIn, start, settings }) => {
  const server = await start({ ...settings, ...SHORT, ISR_RENDER_TIMEOUT: "10s" });
  const { request } = server;
  await assertShows(server, PAGE, "About rain");
  standIn.change("rain", { title: "About slow rain" });
  standIn.behave(PAGE, { slow: 2000 });
  await untilStale(PERIOD);
  const asked = standIn.asked(PAGE);
  for (let visitor = 0; visitor < 10; visitor++) {
    const began = Date.now();
    assertStale(await assertShows(server, PAGE, "About rain"));
    expect(Date.now() - began).toBeLessThan(500);
  }
  // The new page was already a second old and more when it arrived, so it is stale again.
  await expect.poll(async () => (await request.get(PAGE)).text()).toContain("About slow rain");
  expect(standIn.asked(PAGE) - asked, "ten visitors, one regeneration at a time").toBeLessThanOrEqual(3);
});
