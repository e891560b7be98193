//! A draft as a link: the whole of it in the address's fragment, which browsers send to no server.

use contract::NewDraft;
use leptos::prelude::*;
use policy::tier::TierPolicy;
use std::cell::RefCell;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// The page that opens links, and what their fragments begin with.
const PAGE: &str = "/policy";
const FRAGMENT: &str = "draft=";

/// The first byte of what a link holds: JSON of a [`NewDraft`], deflated without a header.
const VERSION: u8 = 1;

/// Letters of a link; browsers and mail programs cut longer addresses.
const LINK_LENGTH_MAX: usize = 64_000;
/// Bytes of JSON; the largest policy that is allowed is smaller.
const TEXT_LENGTH_MAX: usize = 1 << 20;
const NAME_LENGTH_MAX: usize = 120;

/// Why a link gives no draft; whatever is open stays as it is
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkError {
    TooLong,
    /// No link of ours, or not the whole of it.
    Damaged,
    /// Of a newer console, in all likelihood.
    OtherVersion(u8),
    /// The policy or its assertions are refused, as the field and the message say.
    Refused(String),
}

impl std::fmt::Display for LinkError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            LinkError::TooLong => f.write_str("It is longer than any draft can be."),
            LinkError::Damaged => f.write_str("It is damaged or cut short: copy the whole link once more."),
            LinkError::OtherVersion(version) => {
                write!(
                    f,
                    "It is of version {version}, which this console does not read: reload the page for the newest console."
                )
            }
            LinkError::Refused(cause) => write!(f, "Its policy is not valid: {cause}."),
        }
    }
}

thread_local! {
    static ARRIVED: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Takes a draft's link out of the address and keeps it until the page asks, over a sign-in too; says whether there was one
pub fn receive() -> bool {
    let hash = location_hash().unwrap_or_default();
    let Some(text) = hash.trim_start_matches('#').strip_prefix(FRAGMENT) else { return false };
    if location_pathname().as_deref() != Some(PAGE) {
        return false;
    }
    ARRIVED.with_borrow_mut(|slot| *slot = Some(text.to_owned()));
    if let Ok(history) = window().history() {
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(PAGE));
    }
    true
}

/// The link that has arrived, once.
pub fn take() -> Option<String> {
    ARRIVED.with_borrow_mut(Option::take)
}

/// The address that opens `draft` on this server; `None` where it is too long for one.
pub async fn pack(draft: &NewDraft) -> Option<String> {
    let json = serde_json::to_string(draft).ok()?;
    let mut bytes = vec![VERSION];
    bytes.extend(through("CompressionStream", json.as_bytes()).await?);
    let text = to_base64(&bytes);
    let origin = location().origin().ok()?;
    (text.len() <= LINK_LENGTH_MAX).then(|| format!("{origin}{PAGE}#{FRAGMENT}{text}"))
}

/// Reads what [`pack`] wrote, and trusts nothing of it
pub async fn unpack(text: &str) -> Result<NewDraft, LinkError> {
    if text.len() > LINK_LENGTH_MAX {
        return Err(LinkError::TooLong);
    }
    let bytes = from_base64(text).ok_or(LinkError::Damaged)?;
    let (version, packed) = bytes.split_first().ok_or(LinkError::Damaged)?;
    if *version != VERSION {
        return Err(LinkError::OtherVersion(*version));
    }
    let json = through("DecompressionStream", packed).await.ok_or(LinkError::Damaged)?;
    if json.len() > TEXT_LENGTH_MAX {
        return Err(LinkError::TooLong);
    }
    let json = std::str::from_utf8(&json).map_err(|_| LinkError::Damaged)?;
    judge(serde_json::from_str(json).map_err(|_| LinkError::Damaged)?)
}

fn judge(draft: NewDraft) -> Result<NewDraft, LinkError> {
    let refused = |error: policy::tier::PolicyError| LinkError::Refused(error.to_string());
    TierPolicy::try_from(draft.policy.clone()).map_err(refused)?;
    draft.assertions.iter().try_for_each(|assertions| assertions.validate()).map_err(refused)?;
    let name: String = draft.name.trim().chars().take(NAME_LENGTH_MAX).collect();
    let name = if name.is_empty() { "Draft of a link".to_owned() } else { name };
    Ok(NewDraft { name, ..draft })
}

/// Runs bytes through a stream of the browser's; `None` where it has none or refuses them
///
/// Stops reading beyond what a draft may have: a few bytes can stand for very many.
async fn through(class: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    let class = js_sys::Reflect::get(&js_sys::global(), &class.into()).ok()?;
    let class: js_sys::Function = class.dyn_into().ok()?;
    let format = js_sys::Array::of1(&"deflate-raw".into());
    let stream = js_sys::Reflect::construct(&class, &format).ok()?;
    let bytes = js_sys::Array::of1(&js_sys::Uint8Array::from(bytes));
    let blob = web_sys::Blob::new_with_u8_array_sequence(&bytes).ok()?;
    let out = blob.stream().pipe_through(stream.unchecked_ref());
    let reader = out.get_reader().unchecked_into::<web_sys::ReadableStreamDefaultReader>();
    let mut all = Vec::new();
    loop {
        let step = JsFuture::from(reader.read()).await.ok()?;
        let field = |name: &str| js_sys::Reflect::get(&step, &name.into()).ok();
        if field("done")?.is_truthy() {
            return Some(all);
        }
        all.extend(field("value")?.dyn_into::<js_sys::Uint8Array>().ok()?.to_vec());
        if all.len() > TEXT_LENGTH_MAX {
            let _ = reader.cancel();
            return Some(all);
        }
    }
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// RFC 4648, section 5, without padding.
fn to_base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 4 / 3 + 3);
    for chunk in bytes.chunks(3) {
        let group =
            chunk.iter().fold(0, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for digit in 0..=chunk.len() {
            let place = group >> (18 - 6 * digit) & 63;
            text.extend(DIGITS.get(place as usize).map(|digit| char::from(*digit)));
        }
    }
    text
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    for chunk in text.as_bytes().chunks(4) {
        let mut group = 0;
        for letter in chunk {
            group = group << 6 | DIGITS.iter().position(|digit| digit == letter)? as u32;
        }
        let [_, whole @ ..] = (group << (6 * (4 - chunk.len()))).to_be_bytes();
        // One letter alone is not even a byte.
        bytes.extend_from_slice(whole.get(..chunk.len().checked_sub(1).filter(|count| *count > 0)?)?);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy::assertions::PolicyAssertions;

    #[test]
    fn every_byte_string_comes_back() {
        for length in 0..70_usize {
            let bytes: Vec<u8> = (0..length).map(|place| (place * 151 + length) as u8).collect();
            let text = to_base64(&bytes);
            assert!(text.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"-_".contains(&letter)));
            assert_eq!(from_base64(&text), Some(bytes));
        }
        assert_eq!(to_base64(b"foobar"), "Zm9vYmFy");
        assert_eq!(to_base64(&[251, 255]), "-_8");
    }

    #[test]
    fn what_is_no_base64_is_refused() {
        for text in ["a", "abcde", "ab cd", "ab+/", "äb", "YQ=="] {
            assert_eq!(from_base64(text), None, "{text}");
        }
    }

    #[test]
    fn a_draft_that_is_no_policy_is_refused_by_its_field() {
        let policy = TierPolicy::revision_1().document().clone();
        let draft =
            NewDraft { name: " \n".to_owned(), policy, assertions: Some(PolicyAssertions::default()) };
        assert_eq!(judge(draft.clone()).unwrap().name, "Draft of a link");
        let mut broken = draft;
        broken.policy.limits.insert("score_3".to_owned(), "much".to_owned());
        let Err(LinkError::Refused(cause)) = judge(broken) else { panic!("was taken") };
        assert!(cause.starts_with("limits.score_3: "), "{cause}");
    }
}
