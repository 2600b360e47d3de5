# The broker's container is killed twice in the middle of a campaign: the campaign ends with everybody renewed, the
# journal is whole, no serial was given twice, and nobody was forgotten.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/fleet.sh"
export CR_DEVICES=60 CR_POOL=60
VICTIM=broker

campaign_survives
step passed
