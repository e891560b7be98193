// Milliseconds to compare two policies over a million judgments, in Chromium.

import { compareInBrowser } from "./compare_browser.mjs";
import { options } from "./portfolio.mjs";

console.log(JSON.stringify(await compareInBrowser(options(process.argv))));
