// The commands of the example's README, as they stand there.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, readFile, symlink } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { expect, test } from "@playwright/test";
import { EXAMPLE, RELEASE } from "./server";

const BUILD = "cargo leptos build --release --split --precompress";
const ADDRESS = "127.0.0.1:3213";

test("three commands lead from nothing to a stale hit", async ({}, testInfo) => {
  const readme = await readFile(path.join(EXAMPLE, "README.md"), "utf8");
  const commands = readme.match(/```sh\n([^]*?)```/)![1].trim().replaceAll("127.0.0.1:3000", ADDRESS);
  const [buildAndPrerender, serve, purgeAndAsk] = commands.split("\n");
  const [build, prerender] = buildAndPrerender.split(" && ");
  // It has run already.
  expect(build).toBe(BUILD);
  expect(await readFile(path.join(__dirname, "..", "..", "scripts", "test.sh"), "utf8")).toContain(`    ${BUILD}\n`);

  const folder = testInfo.outputPath("start");
  await mkdir(path.join(folder, "target"), { recursive: true });
  for (const part of ["content", "target/site"]) {
    await cp(path.join(EXAMPLE, part), path.join(folder, part), { recursive: true });
  }
  await symlink(RELEASE, path.join(folder, "target", "release"));
  const options = { cwd: folder, env: { ...process.env, LEPTOS_SITE_ADDR: ADDRESS } };
  const run = async (command: string) => (await promisify(execFile)("bash", ["-c", command], options)).stdout;

  await run(prerender);
  expect(serve).toMatch(/ &$/);
  const server = spawn("bash", ["-c", serve.replace(/^(\S+=\S+) (.*) &$/, "$1 exec $2")], options);
  process.once("exit", () => server.kill());
  try {
    const serving = createInterface({ input: server.stdout });
    expect((await once(serving, "line"))[0]).toContain(ADDRESS);
    expect(await run(purgeAndAsk)).toContain("cache-status: isr; hit; ttl=0; detail=purged\r\n");
    expect(readme).toContain("`cache-status: isr; hit; ttl=0; detail=purged`");
    await expect.poll(() => run(purgeAndAsk.split("; ")[1])).toMatch(/cache-status: isr; hit; ttl=(60|59)\r\n/);
  } finally {
    server.kill();
    await once(server, "exit");
  }
});
