package depot;

/** The "trimmed" release: members gone that the application was compiled against. */
public class Crate implements Movable {
    Crate() {
    }
}
