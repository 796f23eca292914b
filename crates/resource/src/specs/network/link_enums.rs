//! What the kernel says about links.

text_number! {
    /// Hardware type of a link (`ARPHRD_*`).
    LinkType(u16) {
        NETROM = 0 => "netrom",
        ETHER = 1 => "ether",
        EETHER = 2 => "eether",
        AX25 = 3 => "ax25",
        PRONET = 4 => "pronet",
        CHAOS = 5 => "chaos",
        IEEE802 = 6 => "ieee802",
        ARCNET = 7 => "arcnet",
        ATALK = 8 => "atalk",
        DLCI = 15 => "dlci",
        ATM = 19 => "atm",
        METRICOM = 23 => "metricom",
        IEEE1394 = 24 => "ieee1394",
        EUI64 = 27 => "eui64",
        INFINIBAND = 32 => "infiniband",
        SLIP = 256 => "slip",
        CSLIP = 257 => "cslip",
        SLIP6 = 258 => "slip6",
        CSLIP6 = 259 => "cslip6",
        RSRVD = 260 => "rsrvd",
        ADAPT = 264 => "adapt",
        ROSE = 270 => "rose",
        X25 = 271 => "x25",
        HWX25 = 272 => "hwx25",
        CAN = 280 => "can",
        PPP = 512 => "ppp",
        CISCO = 513 => "cisco",
        LAPB = 516 => "lapb",
        DDCMP = 517 => "ddcmp",
        RAWHDLC = 518 => "rawhdlc",
        IPIP = 768 => "ipip",
        TUNNEL6 = 769 => "tunnel6",
        FRAD = 770 => "frad",
        SKIP = 771 => "skip",
        LOOPBACK = 772 => "loopback",
        LOCALTLK = 773 => "localtlk",
        FDDI = 774 => "fddi",
        BIF = 775 => "bif",
        SIT = 776 => "sit",
        IPDDP = 777 => "ip/ddp",
        GRE = 778 => "gre",
        PIMREG = 779 => "pimreg",
        HIPPI = 780 => "hippi",
        ASH = 781 => "ash",
        ECONET = 782 => "econet",
        IRDA = 783 => "irda",
        FCPP = 784 => "fcpp",
        FCAL = 785 => "fcal",
        FCPL = 786 => "fcpl",
        FCFB_0 = 787 => "fcfb_0",
        FCFB_1 = 788 => "fcfb_1",
        FCFB_2 = 789 => "fcfb_2",
        FCFB_3 = 790 => "fcfb_3",
        FCFB_4 = 791 => "fcfb_4",
        FCFB_5 = 792 => "fcfb_5",
        FCFB_6 = 793 => "fcfb_6",
        FCFB_7 = 794 => "fcfb_7",
        FCFB_8 = 795 => "fcfb_8",
        FCFB_9 = 796 => "fcfb_9",
        FCFB_10 = 797 => "fcfb_10",
        FCFB_11 = 798 => "fcfb_11",
        FCFB_12 = 799 => "fcfb_12",
        TR = 800 => "tr",
        IEEE80211 = 801 => "ieee802.11",
        IEEE80211_PRISM = 802 => "ieee802.11_prism",
        IEEE80211_RADIOTAP = 803 => "ieee802.11_radiotap",
        IEEE802154 = 804 => "ieee802.15.4",
        IEEE802154_MONITOR = 805 => "ieee802.15.4_monitor",
        PHONET = 820 => "phonet",
        PHONET_PIPE = 821 => "phonet_pipe",
        CAIF = 822 => "caif",
        IP6GRE = 823 => "ip6gre",
        NETLINK = 824 => "netlink",
        LOWPAN = 825 => "6lowpan",
        NOHDR = 65534 => "nohdr",
        VOID = 65535 => "void",
    }
}

text_flags! {
    /// Flags of a link (`IFF_*`).
    LinkFlags {
        UP = 1 => "UP",
        BROADCAST = 2 => "BROADCAST",
        DEBUG = 4 => "DEBUG",
        LOOPBACK = 8 => "LOOPBACK",
        POINTTOPOINT = 16 => "POINTTOPOINT",
        NOTRAILERS = 32 => "NOTRAILERS",
        RUNNING = 64 => "RUNNING",
        NOARP = 128 => "NOARP",
        PROMISC = 256 => "PROMISC",
        ALLMULTI = 512 => "ALLMULTI",
        MASTER = 1024 => "MASTER",
        SLAVE = 2048 => "SLAVE",
        MULTICAST = 4096 => "MULTICAST",
        PORTSEL = 8192 => "PORTSEL",
        AUTOMEDIA = 16384 => "AUTOMEDIA",
        DYNAMIC = 32768 => "DYNAMIC",
        LOWER_UP = 65536 => "LOWER_UP",
        DORMANT = 131072 => "DORMANT",
        ECHO = 262144 => "ECHO",
    }
}

text_enum! {
    /// State of a link by RFC 2863.
    OperationalState {
        Unknown = 0 => "unknown",
        NotPresent = 1 => "notPresent",
        Down = 2 => "down",
        LowerLayerDown = 3 => "lowerLayerDown",
        Testing = 4 => "testing",
        Dormant = 5 => "dormant",
        Up = 6 => "up",
    }
}

text_number! {
    /// Kind of connector (`PORT_*` of ethtool).
    Port(u8) {
        TWISTED_PAIR = 0 => "TwistedPair",
        AUI = 1 => "AUI",
        MII = 2 => "MII",
        FIBRE = 3 => "",
        BNC = 4 => "BNC",
        DIRECT_ATTACH = 5 => "DirectAttach",
        NONE = 239 => "None",
        OTHER = 255 => "Other",
    }
}

text_number! {
    /// Duplex mode of a link.
    Duplex(u8) {
        HALF = 0 => "Half",
        FULL = 1 => "Full",
        UNKNOWN = 255 => "Unknown",
    }
}
