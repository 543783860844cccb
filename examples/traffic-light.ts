// How do I write an actor that behaves differently in each of its states?
//
//   npx jiti examples/traffic-light.ts
//
// prints: red, green, yellow, red, and "2 have crossed"
import { action, type MachineEvent, StateMachine, type StateMethods, start } from "copal";

type Colour = "red" | "green" | "yellow";
type Data = { crossed: number };

// What the light can be told, for `ref.call` and `ref.cast`.
interface Messages {
  cross(): void;
  count(): number;
}
type Event = MachineEvent<Colour, Messages>;

// Each state is a method, and is told every event that comes while it lasts.
class TrafficLight extends StateMachine<Colour, Data, Messages> implements StateMethods<Colour, Data, Messages> {
  static override readonly stateEnter = true; // also when it is entered

  override init() {
    return this.next("red", { crossed: 0 });
  }

  red(event: Event, data: Data) {
    if (event.type === "enter") return this.#show(20);
    if (event.type === "stateTimeout") return this.next("green", data);
    if (event.type === "call" && event.method === "count" && data.crossed > 0)
      return this.keep(action.reply(event.from, data.crossed));
    return this.keep(action.postpone); // nobody crosses now: it comes again in the next state
  }

  green(event: Event, data: Data) {
    if (event.type === "enter") return this.#show(20);
    if (event.type === "stateTimeout") return this.next("yellow", data);
    return event.type === "cast" ? this.keepState({ crossed: data.crossed + 1 }) : this.keep(action.postpone);
  }

  yellow(event: Event, data: Data) {
    if (event.type === "enter") return this.#show(10);
    return event.type === "stateTimeout" ? this.next("red", data) : this.keep(action.postpone);
  }

  #show(forMs: number) {
    console.log(this.state);
    return this.keep(action.stateTimeout(forMs)); // called off if the state changes before
  }
}

const tree = await start({ supervisor: "crossing", children: [{ actor: "light", class: TrafficLight }] });
const light = tree.whereis<Messages>("light");
light?.cast.cross();
light?.cast.cross();
console.log(`${await light?.call.count()} have crossed`);
await tree.stop();
