# Takes an order every second; what comes on its standard input are the answers of `stats`.
exec 3<&0
while read -r answer; do echo "stats says: $answer"; done <&3 &

n=0
while sleep 1; do
  n=$((n + 1))
  echo "order $n: $((n * 7 % 20 + 1)) EUR"
done
