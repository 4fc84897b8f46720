import { type FormEvent, type ReactNode, useState } from "react";
import { Dialog } from "../../ui/Dialog";
import { useWords } from "../../ui/words";
import { words } from "../words";

interface Props {
  title: string;
  /** What is asked for; the answer stays in the story. */
  question: string;
  /** An answer is needed. */
  required: boolean;
  children?: ReactNode;
  close(): void;
  answer(text: string): void;
}

/** Asks for a sentence before something is done. */
export function Ask({ title, question, required, children, close, answer }: Props) {
  const w = useWords(words);
  const [text, setText] = useState("");
  const submit = (e: FormEvent) => {
    e.preventDefault();
    answer(text.trim());
    close();
  };
  return (
    <Dialog title={title} close={close}>
      <form onSubmit={submit}>
        {children}
        <label>
          {question}
          <input required={required} maxLength={256} value={text} onChange={(e) => setText(e.target.value)} />
        </label>
        <div className="row">
          <button type="button" onClick={close}>
            {w.give_up}
          </button>
          <button type="submit" className="primary" disabled={required && text.trim() === ""}>
            {w.do_it}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
