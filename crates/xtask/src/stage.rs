//! `cargo xtask stage`

use crate::shell::{Workspace, run};
use crate::{setup, wasm};
use anyhow::{Context, Result, ensure};
use std::env;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// Finish what Trunk has built: split the console into what loads first and what loads when it is opened, join its
/// styles, and add the module of its Web Worker
///
/// Trunk's hook in Trunk.toml calls it; it is of no use by hand.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The folder that becomes `dist/`
    #[arg(value_name = "FOLDER", env = "TRUNK_STAGING_DIR")]
    stage: PathBuf,
    /// Trunk's word for how it built: `debug` or `release`
    #[arg(long, env = "TRUNK_PROFILE", default_value = "release")]
    trunk_profile: String,
}

/// Tells the hook which of Cargo's profiles Trunk was asked to build with, which Trunk does not
pub(crate) const PROFILE: &str = "DRAGONFLY_PROFILE";

/// How the names of what loads with a page begin: code of one part, and code that several share
pub(crate) const PARTS: [&str; 2] = ["split_", "chunk_"];

/// Set for a profile: functions keep their names, and the console is a third larger
const WITH_NAMES: &str = "DRAGONFLY_WASM_NAMES";

/// The files of the web package that the console's Web Workers load
const STUDIES: [&str; 4] =
    ["policy_studies.js", "policy_studies_bg.wasm", "policy_routing.js", "policy_routing_bg.wasm"];

pub(crate) fn stage(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    wasm::build(workspace)?;
    split(workspace, arguments)?;
    join_styles(&arguments.stage)?;
    let studies = arguments.stage.join("studies");
    fs::create_dir_all(&studies)?;
    for name in STUDIES {
        fs::copy(wasm::folder(workspace, "web").join(name), studies.join(name))?;
    }
    Ok(())
}

/// Replaces the one module that Trunk has bound by a main module and one for each `wasm_split` of `app`
///
/// Trunk binds what rustc links before any hook runs, and binding takes away what splitting goes by. So the
/// linked module is taken again from the target folder, split, and its main part bound under the names that
/// Trunk's page loads. The parts carry the page's hash in their names: a tab of an older build that asks for
/// one of its own gets none, rather than one that does not fit it.
fn split(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let profile = env::var(PROFILE).unwrap_or_else(|_| arguments.trunk_profile.clone());
    let linked = workspace.target.join("wasm32-unknown-unknown").join(profile).join("app.wasm");
    let name = bound_name(&arguments.stage)?;
    let with_names = env::var_os(WITH_NAMES).is_some();
    let hash = name.trim_start_matches("app-");

    let scratch = workspace.target.join("xtask/split");
    if scratch.exists() {
        fs::remove_dir_all(&scratch)?;
    }
    setup::splitter(workspace)?;
    run(workspace.command("wasm-split-cli").arg(&linked).arg(&scratch).args(["--out-name", &name]))?;
    run(workspace
        .command("wasm-bindgen")
        .arg(scratch.join(format!("{name}.wasm")))
        .args(["--target", "web", "--no-typescript", "--keep-lld-exports"])
        .args(if with_names { None } else { Some("--remove-name-section") })
        .args(["--out-name", &name, "--out-dir"])
        .arg(&arguments.stage))?;

    let loader = "__wasm_split.js";
    let hashed_loader = format!("parts-{hash}.js");
    let bound = arguments.stage.join(format!("{name}.js"));
    let import = |name: &str| format!("from \"./{name}\"");
    fs::write(&bound, fs::read_to_string(&bound)?.replace(&import(loader), &import(&hashed_loader)))?;
    let mut script = fs::read_to_string(scratch.join(loader))?;
    for entry in fs::read_dir(&scratch)? {
        let path = entry?.path();
        let part = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        if part == name || path.extension().is_none_or(|extension| extension != "wasm") {
            continue;
        }
        let hashed = format!("{part}-{hash}.wasm");
        script = script.replace(&format!("\"./{part}.wasm\""), &format!("\"./{hashed}\""));
        // The linker pads every number that it may have to move; written anew, a part is a quarter smaller.
        let mut rewrite = workspace.command("wasm-opt");
        rewrite.args(wasm::FEATURES).args(["--quiet", "--strip-target-features"]).arg(&path);
        rewrite.args(if with_names { None } else { Some("--strip-debug") });
        run(rewrite.arg("-o").arg(arguments.stage.join(hashed)))?;
    }
    Ok(fs::write(arguments.stage.join(hashed_loader), script)?)
}

/// Makes one file of the page's style sheets, in the order in which it links them
///
/// One file a component is for people; for browsers it would be forty requests, and two thirds more to download.
fn join_styles(stage: &Path) -> Result<()> {
    let place = stage.join("index.html");
    let page = fs::read_to_string(&place)?;
    let Styles { page, names } = unlinked(&page)?;
    let sheets = names.iter().map(|name| fs::read_to_string(stage.join(name)).with_context(|| name.clone()));
    let joined = sheets.collect::<Result<Vec<_>>>()?.join("\n");
    let mut hasher = DefaultHasher::new();
    joined.hash(&mut hasher);
    let name = format!("styles-{:016x}.css", hasher.finish());
    fs::write(stage.join(&name), joined)?;
    fs::write(place, page.replace(STYLES, &name))?;
    for name in names {
        fs::remove_file(stage.join(name))?;
    }
    Ok(())
}

/// Stands in a page for the name of the joined style sheet
const STYLES: &str = "{{styles}}";

/// A page that links [`STYLES`] where it linked its first style sheet, and the files that it linked
struct Styles {
    page: String,
    names: Vec<String>,
}

fn unlinked(page: &str) -> Result<Styles> {
    let mut names = Vec::new();
    let mut lines = Vec::new();
    for line in page.lines() {
        let Some(link) = line.trim_start().strip_prefix("<link rel=\"stylesheet\" href=\"/") else {
            lines.push(line.to_owned());
            continue;
        };
        let (name, _) = link.split_once('"').context("a style sheet is linked otherwise than it was")?;
        if names.is_empty() {
            lines.push(line.replace(name, STYLES));
        }
        names.push(name.to_owned());
    }
    ensure!(!names.is_empty(), "the page links no style sheet: it is written otherwise than it was");
    Ok(Styles { page: lines.join("\n") + "\n", names })
}

/// How the names of the files begin that load with `part`: its own, and those of what it shares, as the loader in `dist` has them
pub(crate) fn files_of_part(dist: &Path, part: &str) -> Result<Vec<String>> {
    let names = fs::read_dir(dist)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let loader = names
        .into_iter()
        .find(|name| name.starts_with("parts-") && name.ends_with(".js"))
        .with_context(|| format!("no loader of parts in {}", dist.display()))?;
    let script = fs::read_to_string(dist.join(loader))?;
    let (_, after) = script
        .split_once(&format!("./split_{part}-"))
        .with_context(|| format!("the console has no part `{part}`"))?;
    let shared = after
        .split_once(", [")
        .and_then(|(_, after)| after.split_once(']'))
        .context("the loader of parts is written otherwise than it was")?
        .0;
    let chunks =
        shared.split(',').map(|name| name.trim().trim_start_matches("__")).filter(|name| !name.is_empty());
    Ok(std::iter::once(format!("split_{part}-")).chain(chunks.map(|chunk| format!("{chunk}-"))).collect())
}

/// `app-<hash>`, as Trunk has named the console's script
fn bound_name(stage: &Path) -> Result<String> {
    let names = fs::read_dir(stage)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names
        .filter_map(|name| name.strip_suffix(".js").map(str::to_owned))
        .find(|name| name.starts_with("app-"))
        .with_context(|| format!("no console in {}: Trunk's hook calls this after a build", stage.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_links_one_style_sheet_where_the_first_of_its_own_stood() {
        let link =
            |name: &str| format!("  <link rel=\"stylesheet\" href=\"/{name}\" data-integrity=\"none\"/>\n");
        let page = |links: &str| format!("<head>\n  <script src=\"/theme.js\"></script>\n{links}</head>\n");
        let own = page(&(link("tokens-1.css") + &link("base-2.css")));
        let Styles { page: unlinked_page, names } = unlinked(&own).unwrap();
        assert_eq!(unlinked_page, page(&link(STYLES)));
        assert_eq!(names, ["tokens-1.css", "base-2.css"]);
        assert!(unlinked(&page("")).is_err());
    }
}
