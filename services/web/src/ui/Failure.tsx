import { Component, type ReactNode } from "react";

interface Props {
  children: ReactNode;
  /** What is shown in the place of what failed. */
  instead: (retry: () => void) => ReactNode;
}

/** Keeps a part that fails from taking the others with it: a map that cannot be drawn must not hide the alarms. */
export class Failure extends Component<Props, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  override render(): ReactNode {
    return this.state.failed
      ? this.props.instead(() => this.setState({ failed: false }))
      : this.props.children;
  }
}
