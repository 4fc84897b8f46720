import { createRoot } from "react-dom/client";
import { Api } from "../session/api";
import { Sessions } from "../session/session";
import "../ui/tokens.css";
import { armAlerts } from "./device/alert";
import { takeToken } from "./enrolment";
import "./hand.css";
import { serveOffline } from "./offline";
import { Root } from "./Root";
import { openStore } from "./store";

const token = takeToken();
armAlerts();
serveOffline();

const store = await openStore();
const last = await store.kept().catch(() => undefined);
const sessions = new Sessions(new Api("hand"));
const enrolling = token ? sessions.enrol(token) : undefined;

const app = document.getElementById("app");
if (!app) throw new Error("the page has no place for the app");
createRoot(app).render(<Root sessions={sessions} store={store} last={last} enrolling={enrolling} />);
