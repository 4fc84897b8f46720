// Stands between a phone and the gateway, for what no story can bring about in one process: what the gateway says to an SOS while
// the log is away, or when the rules fail on it. That it says so is tested where it is said (services/gateway/internal/session).

import type { WebSocketRoute } from "playwright-core";
import type { Guard } from "./guard";

type Frame = Record<string, Record<string, unknown>>;

export class Between {
  /** Said to an SOS in the gateway's place, which does not hear of it. */
  answer: Record<string, unknown> | undefined;
  #phone: WebSocketRoute | undefined;

  /** From the next start of the app on. */
  static async on(guard: Guard): Promise<Between> {
    const between = new Between();
    await guard.context.routeWebSocket(/\/v1\/watch$/, (phone) => {
      const gateway = phone.connectToServer();
      between.#phone = phone;
      phone.onMessage((frame) => {
        const { command } = JSON.parse(String(frame)) as Frame;
        if (command?.type === "sos" && between.answer)
          between.tell({ outcome: { id: command.id, ...between.answer } });
        else gateway.send(frame);
      });
    });
    await guard.restart();
    await guard.linked();
    return between;
  }

  tell(frame: Frame): void {
    this.#phone?.send(JSON.stringify(frame));
  }
}
