// The worker of the Pools page: runs the routing module, so that no simulation holds up typing or scrolling.
//
// Takes { id, call, args }: a function of the module and its arguments as JSON text.
// Answers { id, answer } or { id, error }, and { fatal } when the module cannot be used any more.
import init, * as routing from "/studies/policy_routing.js";

const ready = init();

self.onmessage = async ({ data: { id, call, args } }) => {
  try {
    await ready;
    self.postMessage({ id, answer: routing[call](...JSON.parse(args)) });
  } catch (error) {
    if (error.name === "DragonflyError") self.postMessage({ id, error: error.message });
    else self.postMessage({ fatal: String(error) });
  }
};
