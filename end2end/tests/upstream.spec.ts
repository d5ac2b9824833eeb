// A content API elsewhere that changes, fails, hangs and goes away: readers keep their pages.
import { existsSync } from "node:fs";
import { assertFresh, assertMiss, assertStale, isFresh, untilRegenerated, untilStale } from "../support/cache-status";
import { type Server, expect, test } from "../support/server";

const PAGE = "/articles/rain";
const SHORT = { ISR_REVALIDATE: "/articles/:slug=1s; /=1s", ISR_RENDER_TIMEOUT: "2s" };

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
    await untilStale(request, path);
    const old = await assertShows(server, path, "About rain");
    assertStale(old);
    await untilRegenerated(request, path, old);
    assertFresh(await assertShows(server, path, "About drizzle"));
  }

  standIn.remove("rain");
  await untilStale(request, PAGE);
  const old = await assertShows(server, PAGE, "About drizzle");
  await untilRegenerated(request, PAGE, old);
  const gone = await request.get(PAGE);
  assertFresh(gone);
  expect(gone.status()).toBe(404);

  expect((await request.get("/editor")).status()).toBe(404);
  expect(existsSync(settings.CONTENT_DB), "no database is made").toBe(false);
});

test("an API that fails, hangs, talks nonsense or is down takes no page away", async ({ standIn, start, settings }) => {
  test.setTimeout(60_000);
  const server = await start({ ...settings, ...SHORT });
  const { request } = server;
  let shown = "About rain";
  for (const trouble of ["fail", "hang", "malformed", "down"] as const) {
    await test.step(trouble, async () => {
      await assertShows(server, PAGE, shown);
      const before = server.failures(PAGE);
      standIn.change("rain", { title: `About rain after ${trouble}` });
      if (trouble === "down") await standIn.stop();
      else standIn.behave(PAGE, trouble);

      await untilStale(request, PAGE);
      assertStale(await assertShows(server, PAGE, shown));
      await expect.poll(() => server.failures(PAGE), { intervals: [50] }).toBeGreaterThan(before);
      assertStale(await assertShows(server, PAGE, shown));

      if (trouble === "down") await standIn.start();
      else standIn.behave(PAGE, "well");
      shown = `About rain after ${trouble}`;
      // Fresh too: a request for a stale page would leave a render under way for the next step.
      const recovers = async () => {
        const answer = await request.get(PAGE);
        return isFresh(answer) && (await answer.text()).includes(shown);
      };
      await expect.poll(recovers, { message: "recovers", intervals: [100] }).toBe(true);
    });
  }
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
  await untilStale(request, PAGE);
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
