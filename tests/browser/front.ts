// The program's address as a phone sees it, behind which a newer build of the handheld can appear: the service worker and the page
// of a build differ from those of another, and all else is the program's.

import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import type { Duplex } from "node:stream";
import type { Program } from "./program";

export class Front {
  readonly #program: URL;
  readonly #server: Server;
  #build = 1;

  private constructor(program: Program) {
    this.#program = new URL(program.url);
    this.#server = createServer((req, res) => this.#pass(req, res));
    this.#server.on("upgrade", (req, socket, head) => this.#socket(req, socket, head));
  }

  static async before(program: Program): Promise<Front> {
    const front = new Front(program);
    await new Promise<void>((ready) => front.#server.listen(0, "127.0.0.1", ready));
    return front;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** A newer build is served from now on; its page says which. */
  newer(): string {
    this.#build++;
    return String(this.#build);
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #pass(req: IncomingMessage, res: ServerResponse): void {
    const ours = this.#build > 1 && (req.url === "/hand" || req.url === "/hand/sw.js");
    const { hostname, port } = this.#program;
    const headers = { ...req.headers };
    if (ours)
      for (const name of ["accept-encoding", "if-none-match", "if-modified-since"]) delete headers[name];
    const asked = request({ hostname, port, path: req.url, method: req.method, headers }, (answer) => {
      if (!ours) {
        res.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(res);
        return;
      }
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (part: string) => {
        text += part;
      });
      answer.on("end", () => {
        const { "content-length": _, etag: __, ...rest } = answer.headers;
        res.writeHead(answer.statusCode ?? 502, rest);
        res.end(this.#ofBuild(text));
      });
    });
    asked.on("error", () => res.destroy());
    req.pipe(asked);
  }

  /** A worker that keeps another list, and a page that says its build. */
  #ofBuild(text: string): string {
    return text
      .replace('/hand/manifest.webmanifest\\"', `/hand/manifest.webmanifest?${this.#build}\\"`)
      .replace("<html", `<html data-build="${this.#build}"`);
  }

  #socket(req: IncomingMessage, phone: Duplex, head: Buffer): void {
    const { hostname, port } = this.#program;
    const program = connect(Number(port), hostname, () => {
      const lines = [`${req.method} ${req.url} HTTP/1.1`];
      for (let k = 0; k < req.rawHeaders.length; k += 2)
        lines.push(`${req.rawHeaders[k]}: ${req.rawHeaders[k + 1]}`);
      program.write(`${lines.join("\r\n")}\r\n\r\n`);
      program.write(head);
      phone.pipe(program).pipe(phone);
    });
    program.on("error", () => phone.destroy());
    phone.on("error", () => program.destroy());
  }
}
