// Milliseconds to compare two policies over ten million judgments, in Chromium.

import { compareInBrowser } from "./compare_browser.mjs";
import { options } from "./portfolio.mjs";

const { runs, count } = options(process.argv);
console.log(JSON.stringify(await compareInBrowser({ runs, count: 10 * count })));
