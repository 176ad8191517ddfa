#!/usr/bin/env bash
# Install the Debian programs that tests compare with, where that is possible without asking:
# on Debian, as root. Elsewhere the tests that need one skip and say which.
set -uo pipefail

# program in the path : package that has it
tools=(
  "ismrmrd_generate_cartesian_shepp_logan:ismrmrd-tools"
  "dciodvfy:dicom3tools"
  "dcm2niix:dcm2niix"
  "Orthanc:orthanc"
  "bart:bart"
  "stunnel4:stunnel4"
  "sshd:openssh-server"
  "chromium:chromium"
)

missing=()
[ -e /usr/share/orthanc/plugins/libOrthancDicomWeb.so ] || missing+=(orthanc-dicomweb)
for tool in "${tools[@]}"; do
  command -v "${tool%%:*}" >/dev/null || missing+=("${tool##*:}")
done
[ "${#missing[@]}" -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "not installed (needs root on Debian): ${missing[*]}; the tests that need them will skip"
  exit 0
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 # no service is started by its installation
if ! { apt-get -qq update && apt-get -qq install --no-install-recommends "${missing[@]}"; } \
  >"$log" 2>&1; then
  tail -n 3 "$log"
  echo "could not install ${missing[*]}; the tests that need them will skip"
fi
exit 0
