// SIGTERM: what is under way finishes.
import { assertFresh, assertMiss } from "../support/cache-status";
import { expect, test } from "../support/server";

test("a slow render under way is answered and stored before the server ends", async ({ standIn, start, settings }) => {
  const before = await start(settings);
  standIn.behave("/articles/wind", { slow: 2000 });
  const answer = before.request.get("/articles/wind");
  await expect.poll(() => standIn.asked("/articles/wind"), { intervals: [20] }).toBe(1);

  const began = Date.now();
  const ended = before.stop();
  const page = await answer;
  assertMiss(page);
  expect(await page.text()).toContain("It is a day of wind.");
  expect(await ended).toBe(0);
  expect(Date.now() - began).toBeLessThan(10_000);

  const after = await start(settings);
  assertFresh(await after.request.get("/articles/wind"));
  expect(standIn.asked("/articles/wind"), "rendered once").toBe(1);
});
