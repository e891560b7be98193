//! `dragonfly tier eval`

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use contract::Outcome as TierAnswer;
use policy::tier::{JudgmentFacts, JudgmentFactsDocument, TierPolicy};
use serde::Serialize;

use crate::failure::{Failure, Outcome};
use crate::output;

/// Decide the tier of facts, without a database
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Read one JSON object a line from standard input, write one a line
    #[arg(long)]
    json: bool,

    /// Use the policy in FILE (its JSON document) instead of the built-in revision 1
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    #[command(flatten)]
    facts: Facts,
}

/// Facts by flags; what is not given is missing
#[derive(Debug, clap::Args)]
#[group(id = "facts", multiple = true)]
struct Facts {
    /// Collectability score, 0 to 100, at most two decimals
    #[arg(long, value_name = "POINTS", allow_hyphen_values = true)]
    score: Option<String>,

    /// Balance due in dollars, such as 25000 or 49999.99
    #[arg(long, value_name = "DOLLARS", allow_hyphen_values = true)]
    balance: Option<String>,

    /// Where the debtor works; blank does not count, as for the other signals
    #[arg(long, value_name = "TEXT")]
    employer_name: Option<String>,

    /// Where the debtor banks
    #[arg(long, value_name = "TEXT")]
    bank_name: Option<String>,

    /// A hint of land or a house
    #[arg(long, value_name = "TEXT")]
    real_property_lead: Option<String>,

    /// A hint of a vehicle
    #[arg(long, value_name = "TEXT")]
    vehicle_lead: Option<String>,
}

const EXAMPLES: &str = r#"Examples:
  dragonfly tier eval --score 65 --balance 25000 --employer-name "Example Works"
  echo '{"collectability_score": 45.5, "balance": "3000.00"}' | dragonfly tier eval --json
  dragonfly tier eval --json --policy draft.json < facts.jsonl > tiers.jsonl

With --json a line is an object with the fields collectability_score, balance, employer_name,
bank_name, real_property_lead and vehicle_lead, each of which may be null or missing. The fields
judgment_id, id and case_number are ignored; any other is an error. Money and scores are strings
or numbers and stay exact. The answer is
  {"tier": 1, "tier_label": "Warm Prospects", "reason": "collectability_score=45.5 in [35,60)",
   "decided_by": {"rule": "t1", "arm": 0}, "policy_revision": 1}
in one line, or {"error": "…"}. decided_by is null where the fallback decided, policy_revision is
null with --policy. Blank lines are skipped. A line that is refused does not stop the others, but
the exit code is then 1."#;

/// No facts are this long; a line without end must not fill the memory.
const LINE_BYTES_MAX: usize = 1 << 20;

#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    Decided(TierAnswer),
    Refused { error: String },
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let evaluator = Evaluator::new(arguments)?;
    match (arguments.facts.document(), arguments.json) {
        (Some(document), is_json) => evaluator.answer_flags(document, is_json),
        (None, true) => evaluator.answer_lines(),
        (None, false) => Err(Failure::usage(
            "no facts given; name some (--score 65 --balance 25000), or pipe JSON lines with --json",
        )),
    }
}

impl Facts {
    fn document(&self) -> Option<JudgmentFactsDocument> {
        let mut document = JudgmentFactsDocument::default();
        document.collectability_score.clone_from(&self.score);
        document.balance.clone_from(&self.balance);
        document.employer_name.clone_from(&self.employer_name);
        document.bank_name.clone_from(&self.bank_name);
        document.real_property_lead.clone_from(&self.real_property_lead);
        document.vehicle_lead.clone_from(&self.vehicle_lead);
        (document != JudgmentFactsDocument::default()).then_some(document)
    }
}

struct Evaluator {
    policy: TierPolicy,
    revision: Option<u32>,
}

impl Evaluator {
    fn new(arguments: &Arguments) -> Result<Evaluator, Failure> {
        let Some(path) = &arguments.policy else {
            return Ok(Evaluator { policy: TierPolicy::revision_1(), revision: Some(1) });
        };
        let refuse = |error: &dyn ToString| {
            Failure::usage(format!("policy `{}`: {}", path.display(), error.to_string()))
        };
        let text = std::fs::read_to_string(path).map_err(|error| refuse(&error))?;
        let policy = TierPolicy::from_json(&text).map_err(|error| refuse(&error))?;
        Ok(Evaluator { policy, revision: None })
    }

    fn answer(&self, facts: &JudgmentFacts) -> TierAnswer {
        let outcome = self.policy.evaluate(facts);
        TierAnswer {
            tier: outcome.tier,
            tier_label: outcome.tier.label().to_owned(),
            reason: outcome.reason,
            decided_by: outcome.decided_by,
            policy_revision: self.revision,
        }
    }

    fn answer_flags(&self, document: JudgmentFactsDocument, is_json: bool) -> Outcome {
        let mut out = output::stdout();
        let facts = match JudgmentFacts::try_from(document) {
            Ok(facts) => facts,
            Err(error) if is_json => {
                output::json(&mut out, &Answer::Refused { error: error.to_string() })?;
                out.flush()?;
                return Ok(ExitCode::FAILURE);
            }
            Err(error) => return Err(Failure::refused(error)),
        };
        let answer = self.answer(&facts);
        if is_json {
            output::json(&mut out, &answer)?;
        } else {
            writeln!(out, "Tier {}  {}", answer.tier.number(), answer.tier_label)?;
            writeln!(out, "  because  {}", answer.reason)?;
            match answer.decided_by {
                Some(by) => write!(out, "  decided by  rule {}, arm {}", by.rule, by.arm)?,
                None => write!(out, "  decided by  the fallback")?,
            }
            match self.revision {
                Some(revision) => writeln!(out, " of policy revision {revision}")?,
                None => writeln!(out)?,
            }
        }
        out.flush()?;
        Ok(ExitCode::SUCCESS)
    }

    fn answer_lines(&self) -> Outcome {
        let mut input = BufReader::with_capacity(1 << 16, io::stdin().lock());
        let mut out = output::stdout();
        let mut line = Vec::new();
        let mut is_any_refused = false;
        loop {
            // Who writes a line and waits for its answer gets it; who pours lines in gets them in blocks.
            if input.buffer().is_empty() {
                out.flush()?;
            }
            line.clear();
            let is_too_long = match read_line(&mut input, &mut line)? {
                LineRead::End => break,
                LineRead::Whole => false,
                LineRead::TooLong => true,
            };
            if line.trim_ascii().is_empty() {
                continue;
            }
            let facts = if is_too_long {
                Err("the line is longer than 1 MiB".to_owned())
            } else {
                str::from_utf8(&line)
                    .map_err(|_| "the line is not UTF-8".to_owned())
                    .and_then(|line| JudgmentFacts::from_json(line).map_err(|error| error.to_string()))
            };
            let answer = match facts {
                Ok(facts) => Answer::Decided(self.answer(&facts)),
                Err(error) => {
                    is_any_refused = true;
                    Answer::Refused { error }
                }
            };
            output::json(&mut out, &answer)?;
        }
        out.flush()?;
        Ok(ExitCode::from(u8::from(is_any_refused)))
    }
}

enum LineRead {
    Whole,
    /// Only its beginning is kept; the rest was skipped.
    TooLong,
    End,
}

/// Reads one line, of which no more than [`LINE_BYTES_MAX`] are kept
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<LineRead> {
    let read = input.by_ref().take(LINE_BYTES_MAX as u64).read_until(b'\n', line)?;
    if read == 0 {
        return Ok(LineRead::End);
    }
    if read < LINE_BYTES_MAX || line.ends_with(b"\n") {
        return Ok(LineRead::Whole);
    }
    input.skip_until(b'\n')?;
    Ok(LineRead::TooLong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_skipped_to_their_end() {
        let mut bytes = vec![b' '; 3 * LINE_BYTES_MAX];
        bytes.extend(b"x\nnext\n");
        let mut input = BufReader::new(&bytes[..]);
        let mut line = Vec::new();
        assert!(matches!(read_line(&mut input, &mut line), Ok(LineRead::TooLong)));
        line.clear();
        assert!(matches!(read_line(&mut input, &mut line), Ok(LineRead::Whole)));
        assert_eq!(line, b"next\n");
        assert!(matches!(read_line(&mut input, &mut Vec::new()), Ok(LineRead::End)));
    }
}
