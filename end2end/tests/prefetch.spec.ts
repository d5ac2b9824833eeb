// Links to stored pages are prefetched when the reader is about to follow them.
import { type Page, expect } from "@playwright/test";
import { ISR_TOKEN } from "../support/secrets";
import { type Server, test } from "../support/server";

/** Rests the pointer on a link until the browser has prefetched where it leads, then follows it. */
async function prefetchAndFollow(page: Page, path: string) {
  const session = await page.context().newCDPSession(page);
  await session.send("Preload.enable");
  const fetched = new Promise<void>((resolve) => {
    session.on("Preload.prefetchStatusUpdated", ({ status }) => {
      if (status === "Ready" || status === "Success") resolve();
    });
  });
  const link = page.locator(`main a[href="${path}"]`).first();
  await link.hover();
  await fetched;
  await link.click();
  const how = await page.evaluate(() => (performance.getEntriesByType("navigation")[0] as any).deliveryType);
  expect(how).toBe("navigational-prefetch");
}

const bearer = { Authorization: `Bearer ${ISR_TOKEN}` };

async function state(server: Server, path: string): Promise<string> {
  const answer = await server.request.get(`/_isr/page?path=${encodeURIComponent(path)}`, { headers: bearer });
  return (await answer.json()).state;
}

test("of readers who reach a purged page by a prefetch, the second sees the new one", async ({
  browser,
  standIn,
  start,
  settings,
}) => {
  const server = await start({ ...settings, ISR_TOKEN });
  await server.request.get("/");
  await server.request.get("/articles/rain");
  standIn.change("rain", { title: "About drizzle" });
  const purge = { data: { paths: ["/articles/rain"], tags: ["article:rain"] }, headers: bearer };
  expect((await server.request.post("/_isr/purge", purge)).ok()).toBe(true);
  for (const shown of ["About rain", "About drizzle"]) {
    const page = await browser.newPage();
    await page.goto(`${server.url}/sections/weather`);
    await prefetchAndFollow(page, "/articles/rain");
    await expect(page.getByRole("heading", { level: 1 })).toHaveText(shown);
    await page.close();
    await expect.poll(() => state(server, "/articles/rain")).toBe("fresh");
  }
});

test("search, editor and feeds are not prefetched", async ({ page, start, settings }) => {
  const server = await start(settings);
  const answer = (await page.goto(`${server.url}/articles/rain`))!;
  const rules = answer.headers()["speculation-rules"];
  expect(rules).toBe('"/_isr/speculation-rules.json"');
  const { prefetch } = await (await server.request.get(JSON.parse(rules))).json();
  const text = JSON.stringify(prefetch);
  for (const path of ["/search", "/editor", "/feed.xml", "/sitemap.xml"]) expect(text).not.toContain(`"${path}"`);
  expect(text).toContain('"/articles/:');
  for (const path of ["/search", "/editor"]) {
    expect((await server.request.get(path)).headers()["speculation-rules"], path).toBeUndefined();
  }
});
