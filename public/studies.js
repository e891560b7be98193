// The console's Web Worker: runs the policy module, so that no finding or study holds up typing or scrolling.
//
// Takes { id, call, args }: a function of the module, or a method of its portfolio, and its arguments as JSON text.
// Answers { id, answer } or { id, error }, and { fatal } when the module cannot be used any more. The call
// "portfolio" takes the columns of a snapshot, which every later call is about.
import init, * as policy from "/studies/policy_studies.js";

const ready = init();
let portfolio;

async function answer(call, args) {
  await ready;
  if (call === "portfolio") {
    portfolio?.free();
    portfolio = policy.Portfolio.decode(args);
    return null;
  }
  const values = JSON.parse(args);
  if (call in policy.Portfolio.prototype) return portfolio[call](...values);
  return policy[call](...values, portfolio);
}

self.onmessage = async ({ data: { id, call, args } }) => {
  try {
    self.postMessage({ id, answer: await answer(call, args) });
  } catch (error) {
    if (error.name === "DragonflyError") self.postMessage({ id, error: error.message });
    else self.postMessage({ fatal: String(error) });
  }
};
