#!/bin/sh
# Debian's Slurm, for the tests of the profile slurm, where apt is at hand and the user is root;
# elsewhere one line says why they will not run. Nothing of it is started.
set -u
PATH=$PATH:/usr/sbin:/sbin
PACKAGES="slurmctld slurmd slurmdbd slurm-client munge mariadb-server"
lacking=
for program in slurmctld slurmd slurmdbd sbatch munged mariadbd; do
  command -v "$program" >/dev/null || lacking="$lacking $program"
done
[ -n "$lacking" ] || exit 0
command -v apt-get >/dev/null || { echo "no Slurm tests:$lacking absent, and no apt-get to install $PACKAGES"; exit 0; }
[ "$(id -u)" = 0 ] || { echo "no Slurm tests:$lacking absent, and only root may apt-get install $PACKAGES"; exit 0; }
echo "installing Slurm for its tests (once, about half a minute)"
# Without this file the packages' own services would start, with their default ports and folders.
policy=/usr/sbin/policy-rc.d
made=
[ -e "$policy" ] || { printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && made=yes; }
log=$(mktemp)
{ apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $PACKAGES; } \
  >"$log" 2>&1 || { tail -n 3 "$log"; echo "no Slurm tests: apt-get install $PACKAGES failed"; }
rm -f "$log"
[ -z "$made" ] || rm -f "$policy"
