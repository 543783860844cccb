import t from "tap";
import { nearestIds, resolveId } from "#src/app/resolve-id.js";

const paths = ["shop", "shop/db", "shop/web", "shop/web/api.1", "shop/web/api.2", "shop/mail/db"];

t.test("a whole path or an unambiguous tail names a node", async (t) => {
  t.same(resolveId("shop/web/api.1", paths), { path: "shop/web/api.1" });
  t.same(resolveId("api.1", paths), { path: "shop/web/api.1" });
  t.same(resolveId("web/api.2", paths), { path: "shop/web/api.2" });
  t.same(resolveId("shop", paths), { path: "shop" });
});

t.test("a tail ends at a slash, not inside an id", async (t) => {
  t.same(resolveId("b", paths), { candidates: [] });
  t.same(resolveId("1", paths), { candidates: [] });
});

t.test("an ambiguous tail lists its candidates", async (t) => {
  t.same(resolveId("db", paths), { candidates: ["shop/db", "shop/mail/db"] });
});

t.test("an id that names nothing is answered with what is near", async (t) => {
  t.equal(nearestIds("api", paths), "its instances are shop/web/api.1, shop/web/api.2");
  t.equal(nearestIds("wbe", ["shop", "shop/web"]), "did you mean shop/web?");
  t.match(nearestIds("zzzzzz", paths), "there are shop, shop/db");
});
