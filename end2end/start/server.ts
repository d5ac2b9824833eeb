import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, cp, mkdir } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";

export const EXAMPLE = path.join(__dirname, "..", "..", "examples", "start");
export const RELEASE = path.join(process.env.CARGO_TARGET_DIR ?? path.join(EXAMPLE, "target"), "release");

/** Starts the example in `folder` as a build of its own, whose program has `name` at its end, and waits until it serves. */
export async function serve(folder: string, name: string, address: string) {
  const build = path.join(folder, name);
  await mkdir(build, { recursive: true });
  for (const file of ["start", "hash.txt"]) await cp(path.join(RELEASE, file), path.join(build, file));
  await appendFile(path.join(build, "start"), name);
  for (const part of ["content", "target/site"]) {
    await cp(path.join(EXAMPLE, part), path.join(folder, part), { recursive: true });
  }
  const server = spawn(path.join(build, "start"), {
    cwd: folder,
    env: { ...process.env, LEPTOS_SITE_ADDR: address },
    stdio: ["ignore", "pipe", "inherit"],
  });
  // A test that fails does not stop it.
  process.once("exit", () => server.kill());
  const exited = once(server, "exit");
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: server.stdout }).on("line", (line) => {
      if (line.startsWith("serving ")) resolve(line.slice("serving ".length));
    });
    exited.then(() => reject(new Error(`the build "${name}" did not start`)));
  });
  return {
    url,
    async stop() {
      server.kill();
      await exited;
    },
  };
}
