/** Style sheets of pages: one page's are used at a time, so that equal names in two of them mean what each says. */

const STYLE_MS = 5_000; // then it is shown without

function sheetOf(url: string) {
  return [...document.querySelectorAll<HTMLLinkElement>("link[data-page-style]")].find(
    (link) => link.getAttribute("href") === url,
  );
}

/** Whether they are all there. */
export function hasStyles(styles: string[]): boolean {
  return styles.every((url) => sheetOf(url)?.sheet);
}

/** Have them all there, but not used yet. One that does not come is done without. */
export async function fetchStyles(styles: string[]): Promise<void> {
  await Promise.all(styles.map(fetchStyle));
}

function fetchStyle(url: string): Promise<void> {
  if (sheetOf(url)?.sheet) return Promise.resolve();
  const link = sheetOf(url) ?? document.createElement("link");
  return new Promise((done) => {
    link.addEventListener("load", () => done());
    link.addEventListener("error", () => done());
    setTimeout(done, STYLE_MS);
    if (link.isConnected) return;
    link.rel = "stylesheet";
    link.media = "not all"; // until it is used
    link.dataset["pageStyle"] = "";
    link.setAttribute("href", url);
    document.head.append(link);
  });
}

/** Use a page's style sheets, and no other page's. */
export function useStyles(styles: string[]): void {
  for (const link of document.querySelectorAll<HTMLLinkElement>("link[data-page-style]")) {
    const media = styles.includes(link.getAttribute("href") ?? "") ? "all" : "not all";
    if (link.media !== media) link.media = media;
  }
}

/** The style sheets of something that stands in several pages, such as a panel. */
export async function alsoStyles(styles: string[]): Promise<void> {
  await fetchStyles(styles);
  for (const url of styles) {
    const link = sheetOf(url);
    if (link) {
      link.media = "all";
      delete link.dataset["pageStyle"];
    }
  }
}
