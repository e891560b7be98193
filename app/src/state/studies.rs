//! Questions to the policy module that runs in a Web Worker, and their newest answers.

use js_sys::{JSON, Object, Reflect, Uint8Array};
use leptos::prelude::*;
use policy::portfolio::Portfolio;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use wasm_bindgen::prelude::*;
use web_sys::{MessageEvent, Worker, WorkerOptions, WorkerType};

/// What a worker runs: a script in `public/`, with a module of the policy crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    Studies,
    Pools,
}

impl Script {
    fn address(self) -> &'static str {
        match self {
            Script::Studies => "/studies.js",
            Script::Pools => "/pools.js",
        }
    }
}

/// A call of the module: a function's name, or that of a portfolio's method, and what it is called with
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    call: &'static str,
    /// A JSON array.
    arguments: String,
}

impl Question {
    pub fn new(call: &'static str, arguments: &impl Serialize) -> Self {
        // Documents, numbers and texts: always JSON.
        Self { call, arguments: serde_json::to_string(arguments).unwrap_or_default() }
    }
}

/// An answer, or in words why there is none
type Answer = Result<JsValue, String>;
type Reply = Box<dyn FnOnce(Answer)>;

/// A worker and, for studies of policies, the portfolio that it is asked about; it starts with the first question
#[derive(Clone, Copy)]
pub struct Studies {
    client: StoredValue<Rc<Client>, LocalStorage>,
    script: Script,
    /// Why the module cannot be asked at all.
    pub failure: RwSignal<Option<String>>,
    again: RwSignal<u32>,
}

struct Client {
    running: RefCell<Option<Running>>,
    waiting: RefCell<Vec<(u32, Reply)>>,
    asked: RefCell<u32>,
    portfolio: RefCell<Option<Uint8Array>>,
}

struct Running {
    worker: Worker,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(web_sys::Event)>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.worker.terminate();
    }
}

impl Studies {
    pub fn new(script: Script) -> Self {
        let client = Client {
            running: RefCell::new(None),
            waiting: RefCell::new(Vec::new()),
            asked: RefCell::new(0),
            portfolio: RefCell::new(None),
        };
        let client = StoredValue::new_local(Rc::new(client));
        on_cleanup(move || {
            client.try_with_value(|client| {
                client.waiting.take();
                client.running.take();
            });
        });
        Self { client, script, failure: RwSignal::new(None), again: RwSignal::new(0) }
    }

    /// What every later question is about.
    pub fn set_portfolio(self, portfolio: &Portfolio) {
        let bytes = Uint8Array::from(portfolio.encode().as_slice());
        self.client.with_value(|client| {
            client.portfolio.replace(Some(bytes.clone()));
            if let Some(running) = &*client.running.borrow() {
                post(&running.worker, 0, "portfolio", &bytes);
            }
        });
    }

    /// Starts the module anew and asks all questions again.
    pub fn retry(self) {
        self.failure.set(None);
        self.again.update(|again| *again += 1);
    }

    fn ask(self, question: &Question, reply: Reply) {
        let Some(client) = self.client.try_get_value() else { return };
        if client.running.borrow().is_none() {
            match self.start() {
                Ok(running) => {
                    if let Some(portfolio) = &*client.portfolio.borrow() {
                        post(&running.worker, 0, "portfolio", portfolio);
                    }
                    client.running.replace(Some(running));
                }
                Err(error) => return self.fail(&format!("{error:?}")),
            }
        }
        let id = client.asked.borrow().wrapping_add(1).max(1);
        client.asked.replace(id);
        client.waiting.borrow_mut().push((id, reply));
        if let Some(running) = &*client.running.borrow() {
            post(&running.worker, id, question.call, &question.arguments.as_str().into());
        }
    }

    fn start(self) -> Result<Running, JsValue> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let worker = Worker::new_with_options(self.script.address(), &options)?;
        let on_message = Closure::<dyn FnMut(_)>::new(move |event: MessageEvent| self.receive(&event.data()));
        // The script or the module did not load; the event does not say why.
        let on_error = Closure::<dyn FnMut(_)>::new(move |_: web_sys::Event| self.fail("it did not load"));
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Ok(Running { worker, _on_message: on_message, _on_error: on_error })
    }

    fn receive(self, message: &JsValue) {
        let field = |name: &str| Reflect::get(message, &name.into()).unwrap_or_default();
        if let Some(words) = field("fatal").as_string() {
            return self.fail(&words);
        }
        let id = field("id").as_f64().unwrap_or(0.0) as u32;
        let Some(client) = self.client.try_get_value() else { return };
        let reply = {
            let mut waiting = client.waiting.borrow_mut();
            let place = waiting.iter().position(|(waiting, _)| *waiting == id);
            place.map(|place| waiting.swap_remove(place).1)
        };
        if let Some(reply) = reply {
            reply(match field("error").as_string() {
                Some(words) => Err(words),
                None => Ok(field("answer")),
            });
        }
    }

    /// Gives the worker up; what waits for an answer stays without one until somebody tries again.
    fn fail(self, words: &str) {
        if let Some(client) = self.client.try_get_value() {
            client.waiting.take();
            client.running.take();
        }
        let _ = self.failure.try_set(Some(words.to_owned()));
    }
}

fn post(worker: &Worker, id: u32, call: &str, arguments: &JsValue) {
    let message = Object::new();
    for (name, value) in [("id", &JsValue::from(id)), ("call", &call.into()), ("args", arguments)] {
        // Setting a field of a fresh object cannot fail.
        let _ = Reflect::set(&message, &name.into(), value);
    }
    // Text and bytes can always be cloned.
    let _ = worker.post_message(&message);
}

/// One question, asked again whenever what it is made of changes, and its newest answer
///
/// A question that comes while another is answered waits, and only the last of those that wait is asked: nothing
/// piles up, and an answer that is shown is that of the newest question.
pub struct Study<T: Send + Sync + 'static> {
    /// The newest answer; it stays while a newer one is worked out.
    pub answer: RwSignal<Option<Arc<T>>>,
    /// Why the newest question has no answer.
    pub error: RwSignal<Option<String>>,
    /// Whether `answer` is of a question that is no longer the newest.
    pub is_busy: RwSignal<bool>,
}

impl<T: Send + Sync + 'static> Clone for Study<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for Study<T> {}

impl<T: Send + Sync + 'static> Study<T> {
    /// `ask` is tracked; without a question there is no answer either. `read` makes sense of an answer.
    pub fn new(
        studies: Studies,
        read: fn(&JsValue) -> Result<T, String>,
        ask: impl Fn() -> Option<Question> + 'static,
    ) -> Self {
        let study =
            Self { answer: RwSignal::new(None), error: RwSignal::new(None), is_busy: RwSignal::new(false) };
        let settle = move |answer: Option<Answer>| match answer.map(|answer| answer.and_then(|it| read(&it)))
        {
            Some(Ok(value)) => {
                let _ = study.error.try_set(None);
                let _ = study.answer.try_set(Some(Arc::new(value)));
            }
            Some(Err(words)) => drop(study.error.try_set(Some(words))),
            None => drop(study.answer.try_set(None)),
        };
        let pursuit =
            Pursuit { studies, turn: Rc::default(), settle: Rc::new(settle), is_busy: study.is_busy };
        pursuit.watch(Box::new(ask));
        study
    }
}

/// Where a question and its answer stand
#[derive(Default)]
struct Turn {
    is_asked: bool,
    /// Nobody asks any more.
    is_dropped: bool,
    next: Option<Question>,
}

/// What does not depend on an answer's type, so that the browser downloads it once.
#[derive(Clone)]
struct Pursuit {
    studies: Studies,
    turn: Rc<RefCell<Turn>>,
    settle: Rc<dyn Fn(Option<Answer>)>,
    is_busy: RwSignal<bool>,
}

/// A drag is asked about when it rests: its frames never wait for what is shown of an answer.
const REST: Duration = Duration::from_millis(30);

impl Pursuit {
    fn watch(self, ask: Box<dyn Fn() -> Option<Question>>) {
        let pursuit = self.clone();
        let mut ask_last = debounce(REST, move |question| pursuit.ask(question));
        Effect::new(move |last: Option<(u32, Option<Question>)>| {
            let now = (self.studies.again.get(), ask());
            if last.as_ref() == Some(&now) {
                return now;
            }
            if last.is_some_and(|(again, _)| again != now.0) {
                self.turn.take();
            }
            match &now.1 {
                Some(question) => {
                    self.turn.borrow_mut().is_dropped = false;
                    self.is_busy.set(true);
                    ask_last(question.clone());
                }
                None => {
                    let mut turn = self.turn.borrow_mut();
                    (turn.is_dropped, turn.next) = (true, None);
                    drop(turn);
                    self.is_busy.set(false);
                    (self.settle)(None);
                }
            }
            now
        });
    }

    fn ask(&self, question: Question) {
        {
            let mut turn = self.turn.borrow_mut();
            if turn.is_dropped {
                return;
            }
            if turn.is_asked {
                turn.next = Some(question);
                return;
            }
            turn.is_asked = true;
        }
        let pursuit = self.clone();
        self.studies.ask(&question, Box::new(move |answer| pursuit.receive(answer)));
    }

    fn receive(&self, answer: Answer) {
        let (is_dropped, next) = {
            let mut turn = self.turn.borrow_mut();
            turn.is_asked = false;
            (turn.is_dropped, turn.next.take())
        };
        match next {
            Some(next) => self.ask(next),
            None if is_dropped => {}
            None => {
                let _ = self.is_busy.try_set(false);
                (self.settle)(Some(answer));
            }
        }
    }
}

/// Reads an answer whose fields are those of `T`'s JSON.
pub fn from_json<T: DeserializeOwned>(answer: &JsValue) -> Result<T, String> {
    let text = JSON::stringify(answer).ok().map(String::from).unwrap_or_default();
    serde_json::from_str(&text).map_err(|error| error.to_string())
}
