//! Which page an address names.

/// One variant a page; what an address says about it is its payload
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    SignIn,
    Welcome,
    /// Only for those who are signed in.
    Inner(Inner),
}

/// The pages that stand in the frame
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inner {
    Home,
    Today,
    Cases,
    Case(String),
    Tiers,
    Judgments,
    Judgment(String),
    Policy,
    PolicyHistory,
    Pools,
    Queues,
    Desk,
    PageRules,
    PoolStatistics,
    Calls,
    Pipeline,
    Plaintiffs,
    Plaintiff,
    Review,
    Stages,
    Alerts,
    NotFound,
}

impl Page {
    /// Reads a path such as `/judgments/0190…`; a slash at its end makes no difference.
    pub fn of(path: &str) -> Self {
        let inner = match path.trim_end_matches('/') {
            "" => Inner::Home,
            "/sign-in" => return Page::SignIn,
            "/welcome" => return Page::Welcome,
            "/today" => Inner::Today,
            "/cases" => Inner::Cases,
            "/tiers" => Inner::Tiers,
            "/judgments" => Inner::Judgments,
            "/policy" => Inner::Policy,
            "/policy/history" => Inner::PolicyHistory,
            "/pools" => Inner::Pools,
            "/queues" => Inner::Queues,
            "/desk" => Inner::Desk,
            "/pools/pages" => Inner::PageRules,
            "/pools/statistics" => Inner::PoolStatistics,
            "/calls" => Inner::Calls,
            "/pipeline" => Inner::Pipeline,
            "/plaintiffs" => Inner::Plaintiffs,
            "/review" => Inner::Review,
            "/stages" => Inner::Stages,
            "/alerts" => Inner::Alerts,
            other => match other.split('/').collect::<Vec<_>>().as_slice() {
                ["", "judgments", id] => Inner::Judgment((*id).to_owned()),
                ["", "cases", id] => Inner::Case((*id).to_owned()),
                ["", "plaintiffs", _] => Inner::Plaintiff,
                _ => Inner::NotFound,
            },
        };
        Page::Inner(inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, inner: Inner) {
        assert_eq!(Page::of(path), Page::Inner(inner));
    }

    #[test]
    fn every_address_names_one_page() {
        assert_eq!(Page::of("/sign-in"), Page::SignIn);
        assert_eq!(Page::of("/welcome/"), Page::Welcome);
        check("/", Inner::Home);
        check("/judgments", Inner::Judgments);
        check("/judgments/", Inner::Judgments);
        check("/judgments/0190-1", Inner::Judgment("0190-1".to_owned()));
        check("/judgments/0190-1/edit", Inner::NotFound);
        check("/cases/0190-1/", Inner::Case("0190-1".to_owned()));
        check("/pools/pages/", Inner::PageRules);
        check("/plaintiffs/0190-1/", Inner::Plaintiff);
        check("/plaintiffs/0190-1/edit", Inner::NotFound);
        check("/alerts", Inner::Alerts);
        check("/tier", Inner::NotFound);
    }
}
