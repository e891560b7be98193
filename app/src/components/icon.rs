//! Line icons on a 16-pixel grid.

use leptos::prelude::*;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Icon {
    Alert,
    ArrowDown,
    ArrowUp,
    Bank,
    Bell,
    Calendar,
    Briefcase,
    Car,
    Case,
    Check,
    Clipboard,
    Close,
    Download,
    Employer,
    Filter,
    Funnel,
    Grip,
    Headset,
    House,
    Layers,
    Link,
    List,
    Moon,
    More,
    Pause,
    People,
    Phone,
    Play,
    Plus,
    Pulse,
    Print,
    Queue,
    Redo,
    Refresh,
    Screen,
    Search,
    SignOut,
    Sliders,
    Sun,
    Undo,
}

impl Icon {
    fn path(self) -> &'static str {
        match self {
            Icon::Alert => "M8 2 1.6 13.4h12.8zM8 6.4v3.2M8 11.5v.1",
            Icon::ArrowDown => "M8 3v10M3.8 8.800 8 13l4.2-4.200",
            Icon::ArrowUp => "M8 13V3M3.8 7.200 8 3l4.2 4.200",
            Icon::Bank => "M2 6.2 8 2.5l6 3.7zM3.6 8v4M6.5 8v4M9.5 8v4M12.4 8v4M2 13.800h12",
            Icon::Bell => {
                "M8 2.200a4 4 0 0 0-4 4v2.600L2.800 11.500h10.400L12 8.800V6.200a4 4 0 0 0-4-4zM6.500 13.600a1.600 1.600 0 0 0 3 0"
            }
            Icon::Calendar => "M2.500 3.800h11v9.700h-11zM2.500 6.800h11M5.500 2.200v3M10.500 2.200v3",
            Icon::Briefcase => "M2 5.500h12v8H2zM5.800 5.300V3h4.400v2.300M2 9.200h12M8 8.400v1.600",
            Icon::Car => "M2 11V8.500l1.6-4h8.800l1.6 4V11zM2 8.500h12M4.2 11v1.600M11.8 11v1.6",
            Icon::Case => {
                "M1.800 4.300a1 1 0 0 1 1-1h3.400l1.600 1.800h5.400a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1H2.800a1 1 0 0 1-1-1z"
            }
            Icon::Check => "m3 8.4 3.2 3.200L13 4.8",
            Icon::Clipboard => {
                "M5.500 3.200H3.500v10.600h9V3.200h-2M5.500 2h5v2.600h-5zM5.800 9l1.600 1.600L10.400 7.600"
            }
            Icon::Close => "m4 4 8 8M12 4l-8 8",
            Icon::Download => "M8 2.500v7.700M4.8 7.2 8 10.400l3.2-3.200M2.8 13.300h10.4",
            Icon::Employer => "M2.2 5.200h11.600v8H2.200zM5.8 5V3h4.400v2M2.2 8.800h11.6",
            Icon::Filter => "M2 3.500h12M4.5 8h7M6.8 12.500h2.4",
            Icon::Funnel => "M2 3h12l-4.600 5.400v4.200L6.600 14V8.400z",
            Icon::Grip => "M6 3.500h.1M10 3.500h.1M6 8h.1M10 8h.1M6 12.500h.1M10 12.500h.1",
            Icon::Headset => {
                "M2.500 10V8a5.500 5.500 0 0 1 11 0v2M2.500 9.300h2v3.700h-1a1 1 0 0 1-1-1zM13.500 9.300h-2v3.700h1a1 1 0 0 0 1-1zM13.500 12.500v.5a1.500 1.500 0 0 1-1.500 1.500H9"
            }
            Icon::House => "M2 7.8 8 2.600l6 5.200M3.8 6.600v7h8.400v-7",
            Icon::Layers => "m8 2 6 3-6 3-6-3zM2.2 8.2 8 11l5.8-2.800M2.2 11.2 8 14l5.8-2.8",
            Icon::Link => {
                "M6.8 9.2a2.6 2.6 0 0 0 3.7 0l2.300-2.300a2.600 2.600 0 0 0-3.700-3.700l-.9.9M9.2 6.8a2.600 2.600 0 0 0-3.700 0L3.200 9.100a2.600 2.600 0 0 0 3.700 3.700l.9-.9"
            }
            Icon::List => "M5.5 3.800h8.500M5.5 8h8.500M5.5 12.200h8.500M2.3 3.800h.1M2.3 8h.1M2.3 12.200h.1",
            Icon::Moon => "M13.5 9.600A5.8 5.8 0 0 1 6.4 2.500a5.8 5.8 0 1 0 7.1 7.100z",
            Icon::More => "M3.500 8h.1M8 8h.1M12.500 8h.1",
            Icon::Pause => "M5.4 3.200v9.600M10.6 3.200v9.6",
            Icon::People => {
                "M6 7.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5zM1.5 13.500c0-2.500 2-4 4.500-4s4.500 1.500 4.500 4M10.500 2.700a2.500 2.500 0 0 1 0 4.600M12 9.800c1.500.5 2.500 1.800 2.500 3.700"
            }
            Icon::Phone => {
                "M3 2.500h2.600l1.200 3.200-1.600 1.200a8 8 0 0 0 3.900 3.900l1.200-1.600 3.200 1.200V13a1 1 0 0 1-1.100 1A11 11 0 0 1 2 3.600a1 1 0 0 1 1-1.100z"
            }
            Icon::Play => "M4.6 3v10l8-5z",
            Icon::Plus => "M8 3v10M3 8h10",
            Icon::Pulse => "M1.500 8.500h3l2-5 3 9 2-4h3",
            Icon::Print => "M4.500 6V2.500h7V6M4.500 11.500H2.500V6h11v5.500h-2M4.500 9.500h7v4h-7z",
            Icon::Queue => "M2 3.400h12v3H2zM2 9.600h12v3H2zM4.3 4.900h.1M4.3 11.100h.1",
            Icon::Redo => "M10.6 3 13.5 5.900l-2.9 2.900M13.3 5.900H6.200a3.6 3.6 0 1 0 0 7.200h2.6",
            Icon::Refresh => {
                "M13.4 6.500A5.6 5.6 0 0 0 3.3 5M2.6 9.500A5.6 5.6 0 0 0 12.7 11M3 2.300V5.200h2.900M13 13.700v-2.900h-2.9"
            }
            Icon::Screen => "M1.8 2.800h12.400v8.400H1.800zM5.5 13.800h5M8 11.400v2.2",
            Icon::Search => "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.7 10.7 14 14",
            Icon::SignOut => "M6.2 2.500H3v11h3.200M7 8h6.600M10.8 5.2 13.6 8l-2.8 2.8",
            Icon::Sliders => {
                "M2 4.500h6M12 4.500h2M2 11.500h2M8 11.500h6M10 6.300a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.600zM6 13.300a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.600z"
            }
            Icon::Sun => {
                "M8 10.800a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.600zM8 1.500v1.300M8 13.200v1.300M1.5 8h1.300M13.2 8h1.300M3.4 3.400l.9.9M11.7 11.700l.9.9M3.4 12.600l.9-.9M11.7 4.300l.9-.9"
            }
            Icon::Undo => "M5.4 3 2.5 5.900l2.9 2.900M2.7 5.900h7.100a3.6 3.6 0 1 1 0 7.200H7.2",
        }
    }
}

/// Decoration: what it means is said in words beside it or in its button's label
#[component]
pub fn IconView(icon: Icon) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
            <path d=icon.path()/>
        </svg>
    }
}
