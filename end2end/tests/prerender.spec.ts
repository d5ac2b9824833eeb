// What a build does after compiling: it renders every listed page.
import { assertFresh } from "../support/cache-status";
import { expect, runCommand, test } from "../support/server";

test("every listed page is rendered, and the build ends with a table", async ({ standIn, start, settings }) => {
  const { code, stdout, stderr } = await runCommand(["prerender"], settings);
  expect(code, stderr).toBe(0);
  for (const row of [
    /^Route +Mode +Revalidate +Expire +Pages +Size +Time$/m,
    /^\/ +ISR +1m +never +1 /m,
    /^\/articles\/:slug +ISR +5m +7days +3 /m,
    /^\/about +static +never +1 /m,
    /^\/search +dynamic$/m,
    /^9 pages, [\d.]+ [kM]?B, in /m,
  ]) {
    expect(stdout).toMatch(row);
  }

  const server = await start(settings);
  const asked = standIn.asked("/articles/rain");
  for (const path of ["/articles/rain", "/articles/snow", "/about"]) assertFresh(await server.request.get(path));
  expect(standIn.asked("/articles/rain"), "nothing is read to serve a page of the build").toBe(asked);
});

test("a page that fails fails the build, with its path and the cause", async ({ standIn, settings }) => {
  standIn.behave("/articles/snow", "fail");
  const { code, stderr } = await runCommand(["prerender"], settings);
  expect(code).not.toBe(0);
  expect(stderr).toMatch(/^FAILED +\/articles\/snow: .*500.*the stand-in fails on request/m);
  expect(stderr).toContain("rendered /articles/rain");
  expect(stderr).toContain("1 of 9 pages could not be rendered");
});

test("an API that is down fails the build, with its address and the remedy's place", async ({ standIn, settings }) => {
  await standIn.stop();
  const { code, stderr } = await runCommand(["prerender"], settings);
  expect(code).not.toBe(0);
  expect(stderr).toContain(standIn.url);
});
