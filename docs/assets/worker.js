// A browser starts no worker for a page that is a file, and search is one: here it runs in a frame.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      frame.srcdoc = "<body></body>";
      this.ready = new Promise((resolve) => {
        frame.onload = () => {
          this.inside = frame.contentWindow;
          this.inside.postMessage = (data) =>
            this.dispatchEvent(new MessageEvent("message", { data }));
          const script = this.inside.document.createElement("script");
          script.src = url;
          script.onload = resolve;
          this.inside.document.body.append(script);
        };
      });
      document.body.append(frame);
    }

    postMessage(data) {
      this.ready.then(() => this.inside.dispatchEvent(new MessageEvent("message", { data })));
    }
  };
}
