# fleet.sh: a broker for simulated devices. Sourced behind lib.sh, by tests that run device-sim.

# pki_of_fleet DIR: what `device-sim pki` made there is the broker's, too; its operator asks whether the plugin works.
pki_of_fleet() {
  mkdir "$T/pki"
  cp "$1/issuing.pem" "$T/pki/chain.pem"
  cp -p "$1/issuing.key" "$T/pki/issuer.key"
  cp "$1/ca.pem" "$T/pki/devices-ca.pem"
  cp "$1/server.pem" "$T/pki/server-chain.pem"
  cp -p "$1/server.key" "$T/pki/server.key"
  cp "$1/root.pem" "$T/pki/root.pem"
  cp "$1/operator.pem" "$T/pki/operator-1.pem"
  cp -p "$1/operator.key" "$T/pki/operator-1.key"
}
