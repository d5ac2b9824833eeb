import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { type APIRequestContext, test as base, expect, request } from "@playwright/test";
import { StandIn } from "../stand-in.mjs";

const ROOT = path.join(__dirname, "..", "..");

/** Settings of a server, by the names of their variables. */
export type Settings = Record<string, string>;

type LogLine = { fields: Record<string, unknown> };

/** A second server, which a test may stop. */
export class Server {
  /** Where it listens. */
  url!: string;
  /** Sends requests to this server. */
  request!: APIRequestContext;
  readonly log: LogLine[] = [];

  private constructor(private readonly process: ChildProcess) {}

  static async start(settings: Settings): Promise<Server> {
    const server = new Server(
      spawn("scripts/run-server.sh", [], {
        cwd: ROOT,
        env: { ...process.env, LEPTOS_SITE_ADDR: "127.0.0.1:0", LOG_FORMAT: "json", ...settings },
        stdio: ["ignore", "ignore", "pipe"],
      }),
    );
    server.url = await server.untilServing();
    server.request = await request.newContext({ baseURL: server.url });
    return server;
  }

  /** How often the regeneration of a page has failed. */
  failures(page: string): number {
    const isFailure = ({ fields }: LogLine) => fields["isr.key"] === page && fields.outcome === "failed";
    return this.log.filter(isFailure).length;
  }

  /** How often each page was rendered, by its path and query. */
  renders(): Map<string, number> {
    const renders = new Map<string, number>();
    for (const { fields } of this.log.filter(({ fields }) => fields.message === "regenerated")) {
      const page = String(fields["isr.key"]);
      renders.set(page, (renders.get(page) ?? 0) + 1);
    }
    return renders;
  }

  /** Asks the server to stop; returns its exit code. */
  async stop(): Promise<number | null> {
    return this.end("SIGTERM");
  }

  /** Ends the server as a power cut does. */
  async kill(): Promise<void> {
    await this.end("SIGKILL");
    await this.request?.dispose();
  }

  private async end(signal: NodeJS.Signals): Promise<number | null> {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      const exited = once(this.process, "exit");
      this.process.kill(signal);
      await exited;
    }
    return this.process.exitCode;
  }

  private async untilServing(): Promise<string> {
    const said: string[] = [];
    const lines = createInterface({ input: this.process.stderr! });
    return new Promise((resolve, reject) => {
      lines.on("line", (text) => {
        said.push(text);
        if (!text.startsWith("{")) return;
        const line: LogLine = JSON.parse(text);
        this.log.push(line);
        if (line.fields.message === "serving") resolve(String(line.fields.url));
      });
      lines.on("close", () => reject(new Error(`the server did not start:\n${said.join("\n")}`)));
    });
  }
}

/** Runs a command of the server's program to its end. */
export async function runCommand(
  args: string[],
  settings: Settings,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn("scripts/run-server.sh", args, { cwd: ROOT, env: { ...process.env, ...settings } });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (text) => (stdout += text));
  child.stderr.on("data", (text) => (stderr += text));
  await once(child, "close");
  return { code: child.exitCode, stdout, stderr };
}

type Fixtures = {
  /** A content API that misbehaves on request. */
  standIn: StandIn;
  /** Settings of a server that reads from the stand-in and stores in the test's own folder. */
  settings: Settings;
  /** Starts a second server, which ends with the test. */
  start: (settings: Settings) => Promise<Server>;
};

export const test = base.extend<Fixtures>({
  standIn: async ({}, use) => {
    const standIn = new StandIn();
    await standIn.start();
    await use(standIn);
    await standIn.stop();
  },
  settings: async ({ standIn }, use, testInfo) => {
    await use({
      CONTENT_API_URL: standIn.url,
      CONTENT_DB: testInfo.outputPath("newsroom.db"),
      ISR_DIR: testInfo.outputPath("isr"),
    });
  },
  start: async ({}, use) => {
    const servers: Server[] = [];
    await use(async (settings) => {
      const server = await Server.start(settings);
      servers.push(server);
      return server;
    });
    for (const server of servers) await server.kill();
  },
});

export { expect };
