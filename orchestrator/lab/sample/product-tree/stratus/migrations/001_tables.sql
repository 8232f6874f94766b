CREATE TABLE hosts (
    name TEXT PRIMARY KEY, zone TEXT NOT NULL, hypervisor TEXT NOT NULL, url TEXT NOT NULL
);
CREATE TABLE flavors (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, vcpus INTEGER NOT NULL, ram INTEGER NOT NULL,
    disk INTEGER NOT NULL
);
INSERT INTO flavors VALUES ('1', 'tiny', 1, 64, 1), ('2', 'small', 1, 256, 5);
CREATE TABLE keypairs (
    name TEXT PRIMARY KEY, public_key TEXT NOT NULL, fingerprint TEXT NOT NULL
);
CREATE TABLE instances (
    id INTEGER PRIMARY KEY AUTOINCREMENT, uuid TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
    image TEXT NOT NULL, flavor TEXT NOT NULL, key_name TEXT, host TEXT, zone TEXT,
    status TEXT NOT NULL, fault TEXT, request TEXT NOT NULL, metadata TEXT NOT NULL,
    created TEXT NOT NULL, mac_address TEXT NOT NULL DEFAULT ''
);
CREATE TABLE images (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, status TEXT NOT NULL, disk_format TEXT,
    container_format TEXT, size INTEGER, checksum TEXT, sha512 TEXT, created TEXT NOT NULL
);
CREATE TABLE networks (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, number INTEGER NOT NULL UNIQUE, bridge TEXT NOT NULL,
    vlan INTEGER, subnet TEXT NOT NULL, cidr TEXT NOT NULL, dhcp INTEGER NOT NULL
);
CREATE TABLE ports (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, network TEXT NOT NULL REFERENCES networks (id),
    mac TEXT NOT NULL, address TEXT NOT NULL UNIQUE, device TEXT NOT NULL DEFAULT '',
    position INTEGER NOT NULL DEFAULT 0, owned INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE security_groups (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, description TEXT NOT NULL
);
CREATE TABLE security_group_rules (
    id TEXT PRIMARY KEY, security_group TEXT NOT NULL, direction TEXT NOT NULL, protocol TEXT,
    port_min INTEGER, port_max INTEGER, remote TEXT
);
CREATE TABLE port_groups (port TEXT NOT NULL, security_group TEXT NOT NULL);
CREATE TABLE volumes (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, size INTEGER NOT NULL, status TEXT NOT NULL,
    created TEXT NOT NULL
);
CREATE TABLE attachments (
    id TEXT PRIMARY KEY, volume TEXT NOT NULL, server TEXT NOT NULL, device TEXT NOT NULL
);
CREATE TABLE containers (name TEXT PRIMARY KEY);
CREATE TABLE objects (
    container TEXT NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL, etag TEXT NOT NULL,
    data BLOB NOT NULL, PRIMARY KEY (container, name)
);
