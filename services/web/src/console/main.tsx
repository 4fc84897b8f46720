import { createRoot } from "react-dom/client";
import { Api } from "../session/api";
import { SignIn } from "../session/SignIn";
import { Sessions, useSession } from "../session/session";
import { words } from "../session/words";
import { useWords } from "../ui/words";
import "../ui/tokens.css";
import { Room } from "./Room";

const api = new Api("console");
const sessions = new Sessions(api);

function App() {
  const w = useWords(words);
  const signedIn = useSession(sessions);
  if (signedIn.state === "unknown")
    return (
      <main>
        <p role="status">{w.waiting}</p>
      </main>
    );
  if (signedIn.state === "out") return <SignIn sessions={sessions} />;
  return <Room api={api} sessions={sessions} session={signedIn.session} />;
}

const app = document.getElementById("app");
if (app) createRoot(app).render(<App />);
