// `server check`: what would surprise whoever stores the pages.
import { expect, runCommand, test } from "../support/server";

test("the site has nothing that would surprise", async ({ settings }) => {
  const { code, stdout, stderr } = await runCommand(["check"], settings);
  expect(stdout).toContain("/articles/:slug: 3 pages, ok");
  expect(stdout).toContain("/live: 1 pages, ok");
  expect(stdout).toContain("/editor: 0 pages, ok\n  not seen: the route is dynamic");
  expect(code, stdout + stderr).toBe(0);
});

test("a page whose source is broken is found, with the cause", async ({ settings, standIn }) => {
  standIn.behave("/articles/rain", "fail");
  const { code, stdout } = await runCommand(["check", "--json"], settings);
  expect(code).toBe(1);
  const { routes } = JSON.parse(stdout);
  const { findings } = routes.find(({ route }: { route: string }) => route === "/articles/:slug");
  expect(findings).toEqual([
    expect.objectContaining({ page: "/articles/rain", problem: "fails", status: 502, cause: expect.any(String) }),
  ]);
});
